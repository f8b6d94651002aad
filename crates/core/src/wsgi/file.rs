//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

use std::os::fd::{OwnedFd, RawFd};

use pyo3::intern;
use pyo3::prelude::*;

use crate::net::sys;

/// An iterable of blocks of `filelike`; returned as it is, a regular file goes out by sendfile(2).
#[pyclass(frozen, module = "tricorn._core")]
pub struct FileWrapper {
    #[pyo3(get)]
    filelike: Py<PyAny>,
    #[pyo3(get)]
    blksize: usize,
}

impl FileWrapper {
    /// (file, position, bytes from there) of a regular file; None for anything else.
    pub fn as_file(&self, py: Python<'_>) -> PyResult<Option<(OwnedFd, u64, u64)>> {
        let object = self.filelike.bind(py);
        let fd = object.call_method0(intern!(py, "fileno")).and_then(|fd| fd.extract::<RawFd>());
        let at = object.call_method0(intern!(py, "tell")).and_then(|at| at.extract::<u64>());
        let (Ok(fd), Ok(at)) = (fd, at) else { return Ok(None) };
        let file = std::fs::File::from(sys::duplicate(fd)?);
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Ok(None);
        }
        Ok(Some((file.into(), at, facts.len().saturating_sub(at))))
    }
}

#[pymethods]
impl FileWrapper {
    #[new]
    #[pyo3(signature = (filelike, blksize=65536))]
    fn new(filelike: Py<PyAny>, blksize: usize) -> Self {
        Self { filelike, blksize }
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let block = self.filelike.bind(py).call_method1(intern!(py, "read"), (self.blksize,))?;
        Ok(block.is_truthy()?.then_some(block))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(close) = self.filelike.bind(py).getattr_opt(intern!(py, "close"))? {
            close.call0()?;
        }
        Ok(())
    }
}
