//! `wsgi.file_wrapper` (PEP 3333, "Optional Platform-Specific File Handling").

use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;

use pyo3::intern;
use pyo3::prelude::*;

use tricorn_net::sys;

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
        if !is_plain(object)? {
            return Ok(None);
        }
        let fd = object.call_method0(intern!(py, "fileno")).and_then(|fd| fd.extract::<RawFd>());
        let at = object.call_method0(intern!(py, "tell")).and_then(|at| at.extract::<u64>());
        let (Ok(fd), Ok(at)) = (fd, at) else { return Ok(None) };
        let file = std::fs::File::from(sys::duplicate(fd)?);
        let facts = file.metadata()?;
        // Files of the kernel (/proc, /sys) say a size that is none, and take no room on a disk.
        if !facts.is_file() || facts.blocks() == 0 {
            return Ok(None);
        }
        Ok(Some((file.into(), at, facts.len().saturating_sub(at))))
    }
}

/// Is it a file of `io` that reads the bytes of its descriptor? What unpacks, decrypts or counts as it
/// reads has a `fileno()` too, of something else than it gives.
fn is_plain(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = object.py();
    let io = py.import(intern!(py, "io"))?;
    let raw_type = io.getattr(intern!(py, "FileIO"))?;
    let is_buffered = [intern!(py, "BufferedReader"), intern!(py, "BufferedRandom")]
        .into_iter()
        .any(|name| io.getattr(name).is_ok_and(|class| object.get_type().is(&class)));
    let raw = if is_buffered { object.getattr(intern!(py, "raw"))? } else { object.clone() };
    Ok(raw.get_type().is(&raw_type))
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
