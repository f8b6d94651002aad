//! `start_response` and the `write` it returns (PEP 3333, "The start_response() Callable").

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use super::begin::Target;
use super::call;
use super::core::WsgiCore;
use crate::net::sys::{wait_for, Want};
use crate::net::Sent;
use crate::py::client_gone;

#[derive(Default)]
struct Called {
    yes: bool,
    length: Option<u64>,
}

#[pyclass(frozen, module = "tricorn._core")]
pub struct StartResponse {
    core: Py<WsgiCore>,
    target: Target,
    called: Mutex<Called>,
}

impl StartResponse {
    pub fn new(core: Py<WsgiCore>, target: Target) -> Self {
        Self { core, target, called: Mutex::default() }
    }

    /// The head is due with the first piece of body.
    pub fn check_called(&self) -> PyResult<()> {
        if self.lock().yes {
            return Ok(());
        }
        Err(PyAssertionError::new_err(
            "the application gave a body before it called start_response (PEP 3333)",
        ))
    }

    /// No more of a file than the declared Content-Length.
    pub fn clamp(&self, left: u64) -> u64 {
        self.lock().length.map_or(left, |length| length.min(left))
    }

    fn lock(&self) -> MutexGuard<'_, Called> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A second call is for errors only, and only while the first has not gone out.
    fn check_repeated(
        &self,
        py: Python<'_>,
        committed: bool,
        exc_info: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let exc_info = exc_info.filter(|given| !given.is_none());
        match exc_info {
            Some(exc_info) if committed => {
                let (_, value, trace): (Py<PyAny>, Py<PyAny>, Py<PyAny>) = exc_info.extract()?;
                let error = PyErr::from_value(value.into_bound(py));
                error.set_traceback(py, trace.bind(py).cast().ok().cloned());
                Err(error)
            }
            None if self.lock().yes => Err(PyAssertionError::new_err(
                "start_response was called twice without exc_info (PEP 3333)",
            )),
            _ => Ok(()),
        }
    }
}

#[pymethods]
impl StartResponse {
    #[pyo3(signature = (status, headers, exc_info=None, /))]
    fn __call__(
        slf: &Bound<'_, Self>,
        status: &Bound<'_, PyString>,
        headers: &Bound<'_, PyList>,
        exc_info: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Write> {
        let py = slf.py();
        let this = slf.get();
        let core = this.core.get();
        let write = Write { core: this.core.clone_ref(py), target: this.target };
        let committed = {
            let mut net = core.net();
            net.exchange(this.target.token, this.target.seq).map(|conn| conn.committed)
        };
        this.check_repeated(py, committed.unwrap_or(false), exc_info)?;
        let status = status_line(status)?;
        let fields = read_fields(headers)?;
        this.lock().yes = true;

        let mut net = core.net();
        let Some(conn) = net.exchange(this.target.token, this.target.seq) else {
            return Ok(write); // the client has gone: the first piece of body will say so
        };
        conn.response.reopen();
        conn.held.clear();
        let written =
            conn.response.open(status.0, Some(&status.1), &mut conn.held).and_then(|()| {
                fields
                    .iter()
                    .try_for_each(|(name, value)| conn.response.field(name, value, &mut conn.held))
            });
        this.lock().length = conn.response.length();
        if let Err(fault) = written {
            conn.response.reopen();
            conn.held.clear();
            drop(net);
            this.lock().yes = false;
            return Err(PyValueError::new_err(format!("start_response: {}", fault.detail())));
        }
        Ok(write)
    }
}

/// `200 OK` as (200, b"OK").
fn status_line(status: &Bound<'_, PyString>) -> PyResult<(u16, Vec<u8>)> {
    let bytes = latin1_bytes(status)?;
    let (code, rest) = bytes.split_at_checked(3).unwrap_or((b"", b""));
    let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
    match (code, rest) {
        (Some(code), [] | [b' ', ..]) => Ok((code, rest.get(1..).unwrap_or_default().to_vec())),
        _ => Err(PyValueError::new_err(format!(
            "start_response: the status must be like '200 OK', not {:?}",
            String::from_utf8_lossy(&bytes)
        ))),
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn read_fields(headers: &Bound<'_, PyList>) -> PyResult<Pairs> {
    let mut fields = Vec::with_capacity(headers.len());
    for item in headers {
        let pair = item.cast::<PyTuple>().ok().filter(|pair| pair.len() == 2);
        let Some(pair) = pair else {
            return Err(PyTypeError::new_err(
                "start_response: headers must be a list of (name, value) tuples of str",
            ));
        };
        let text = |at: usize| -> PyResult<Vec<u8>> {
            let item = pair.get_item(at)?;
            let text = item.cast::<PyString>().map_err(|_| {
                PyTypeError::new_err("start_response: header names and values must be str")
            })?;
            latin1_bytes(text)
        };
        fields.push((text(0)?, text(1)?));
    }
    Ok(fields)
}

/// A str of code points up to 255 as bytes.
fn latin1_bytes(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    let utf8 = text.to_str()?;
    if utf8.is_ascii() {
        return Ok(utf8.as_bytes().to_vec());
    }
    utf8.chars().map(|letter| u8::try_from(letter as u32)).collect::<Result<_, _>>().map_err(|_| {
        PyValueError::new_err(format!("start_response: {utf8:?} does not fit into latin-1"))
    })
}

/// `write(bytes)`: sends at once, and waits for a client that reads slowly.
#[pyclass(frozen, module = "tricorn._core")]
pub struct Write {
    core: Py<WsgiCore>,
    target: Target,
}

#[pymethods]
impl Write {
    fn __call__(&self, py: Python<'_>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        if data.as_bytes().is_empty() {
            return Ok(());
        }
        let core = self.core.bind(py);
        if call::send(core, self.target, data, true)? == Sent::Full {
            py.detach(|| drain(self.core.get(), self.target))?;
        }
        Ok(())
    }
}

/// Waits in this thread until the client has read most of what was sent.
fn drain(core: &WsgiCore, target: Target) -> PyResult<()> {
    loop {
        let (fd, timeout) = {
            let mut net = core.net();
            let timeout = net.settings.timeouts.write;
            if net.flush_now(target.token) {
                return Ok(());
            }
            let conn = net.exchange(target.token, target.seq).ok_or_else(client_gone)?;
            (conn.raw_fd(), timeout)
        };
        if !wait_for(fd, Want::Write, timeout) {
            return Err(client_gone());
        }
    }
}
