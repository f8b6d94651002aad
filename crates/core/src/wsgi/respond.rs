//! `start_response` and the `write` it returns (PEP 3333, "The start_response() Callable").

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyAssertionError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};
use tricorn_wire::response::Fault;

use super::begin::Wsgi;
use super::call;
use super::core::{WsgiCore, BEAT_MS};
use crate::py::client_gone;
use tricorn_net::sys::Want;
use tricorn_net::Target;
use tricorn_net::{Conn, Room, Sent};

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
        headers: &Bound<'_, PyAny>,
        exc_info: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Write> {
        let py = slf.py();
        let headers = &as_list(headers)?;
        let this = slf.get();
        let core = this.core.get();
        let write = Write { core: this.core.clone_ref(py), target: this.target };
        let committed = {
            let mut net = core.net();
            net.exchange(this.target.token, this.target.seq).map(|conn| conn.egress.is_committed())
        };
        this.check_repeated(py, committed.unwrap_or(false), exc_info)?;
        let (code, phrase) = status_line(status)?;
        check_fields(headers).map_err(Wrong::into_error)?;
        this.lock().yes = true;
        let written = {
            let mut net = core.net();
            let Some(conn) = net.exchange(this.target.token, this.target.seq) else {
                return Ok(write); // the client has gone: the first piece of body will say so
            };
            // Reading fields that were checked runs no Python, so the lock may be held.
            let written = encode(conn, code, &phrase, headers);
            if written.is_err() {
                conn.egress.response.reopen();
                conn.egress.held.clear();
            }
            this.lock().length = conn.egress.response.length();
            written
        };
        if let Err(wrong) = written {
            this.lock().yes = false;
            return Err(wrong.into_error());
        }
        Ok(write)
    }
}

/// What is wrong with the arguments.
enum Wrong {
    /// Not a list of tuples of str.
    Shape,
    /// A str that latin-1 does not have.
    Letters,
    Promise(Fault),
}

impl Wrong {
    fn into_error(self) -> PyErr {
        match self {
            Self::Shape => PyTypeError::new_err(
                "start_response: headers must be a list of (name, value) tuples of str",
            ),
            Self::Letters => {
                PyValueError::new_err("start_response: a header does not fit into latin-1")
            }
            Self::Promise(fault) => {
                PyValueError::new_err(format!("start_response: {}", fault.detail()))
            }
        }
    }
}

/// A list, as PEP 3333 has it; or a tuple, as other servers take it.
fn as_list<'py>(headers: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match headers.cast::<PyTuple>() {
        Ok(tuple) => Ok(tuple.to_list()),
        Err(_) => headers.cast::<PyList>().cloned().map_err(|_| Wrong::Shape.into_error()),
    }
}

/// Reads all fields once. What is wrong with one makes an exception, and that may run Python: the
/// garbage collector, and with it finalizers and other threads.
fn check_fields(headers: &Bound<'_, PyList>) -> Result<(), Wrong> {
    headers.iter().try_for_each(|item| {
        let (name, value) = halves(&item)?;
        header_bytes(&name).and(header_bytes(&value)).map(drop)
    })
}

fn halves<'py>(item: &Bound<'py, PyAny>) -> Result<(Bound<'py, PyAny>, Bound<'py, PyAny>), Wrong> {
    let pair = item.cast::<PyTuple>().map_err(|_| Wrong::Shape)?;
    if pair.len() != 2 {
        return Err(Wrong::Shape);
    }
    match (pair.get_item(0), pair.get_item(1)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(Wrong::Shape),
    }
}

fn encode(
    conn: &mut Conn<Wsgi>,
    code: u16,
    phrase: &[u8],
    headers: &Bound<'_, PyList>,
) -> Result<(), Wrong> {
    conn.egress.response.reopen();
    conn.egress.held.clear();
    conn.egress.response.open(code, Some(phrase), &mut conn.egress.held).map_err(Wrong::Promise)?;
    for item in headers {
        let (name, value) = halves(&item)?;
        let (name, value) = (header_bytes(&name)?, header_bytes(&value)?);
        conn.egress.response.field(&name, &value, &mut conn.egress.held).map_err(Wrong::Promise)?;
    }
    Ok(())
}

fn header_bytes<'a>(text: &'a Bound<'_, PyAny>) -> Result<Cow<'a, [u8]>, Wrong> {
    let text = text.cast::<PyString>().map_err(|_| Wrong::Shape)?;
    latin1_bytes(text.to_str().map_err(|_| Wrong::Letters)?).ok_or(Wrong::Letters)
}

/// `200 OK` as (200, b"OK").
fn status_line<'a>(status: &'a Bound<'_, PyString>) -> PyResult<(u16, Cow<'a, [u8]>)> {
    let text = status.to_str()?;
    let (code, rest) = text.split_at_checked(3).unwrap_or(("", ""));
    match (code.parse(), latin1_bytes(rest.strip_prefix(' ').unwrap_or(rest))) {
        (Ok(code), Some(phrase)) if rest.is_empty() || rest.starts_with(' ') => Ok((code, phrase)),
        _ => Err(PyValueError::new_err(format!(
            "start_response: the status must be like '200 OK', not {text:?}"
        ))),
    }
}

/// A str of code points up to 255 as bytes.
fn latin1_bytes(text: &str) -> Option<Cow<'_, [u8]>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let bytes: Result<Vec<u8>, _> =
        text.chars().map(|letter| u8::try_from(letter as u32)).collect();
    bytes.ok().map(Cow::Owned)
}

/// How often in `--write-timeout` a thread looks whether its client reads, at the least.
const LOOKS: u64 = 4;

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
        self.core.get().goes_on();
        Ok(())
    }
}

/// Waits in this thread until the client has read most of what was sent. It has to read some of it
/// in each time of `--write-timeout`, whatever else it says.
fn drain(core: &WsgiCore, target: Target) -> PyResult<()> {
    let _pause = core.calls.pause(target);
    loop {
        let (awaited, timeout) = {
            let mut net = core.net();
            net.exchange(target.token, target.seq).ok_or_else(client_gone)?;
            match net.flush_now(target.token) {
                Room::Enough => return Ok(()),
                Room::Gone => return Err(client_gone()),
                Room::Later => {}
            }
            if !net.takes(target.token) {
                net.leave_if_stuck(target.token);
                return Err(client_gone());
            }
            let awaited = net.awaited(target.token, Want::Write).ok_or_else(client_gone)?;
            (awaited, net.settings.timeouts.write)
        };
        // It is looked now and then what the client does, and the worker does not hang meanwhile.
        awaited.wait((timeout / LOOKS).clamp(1, BEAT_MS));
        core.goes_on();
    }
}
