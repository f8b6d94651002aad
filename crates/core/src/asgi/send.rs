//! `send()`: messages of the application, checked for order and type, to bytes on the wire.

use std::fs::OpenOptions;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString};
use tricorn_wire::response::Fault;

use super::core::{schedule, AsgiCore, State};
use super::drive;
use super::exchange::{Asgi, AsgiExchange};
use super::fields::Fields;
use super::flow::{go_on, schedule_if_work, wait_for_room};
use crate::py::call::get_item;
use crate::py::client_gone;
use crate::py::future::Wake;
use crate::py::ready;
use tricorn_net::Target;
use tricorn_net::{Conn, Phase, Sent};

/// The awaitable of one `send(message)`.
pub fn call<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    core.get().state.check_owner("send()")?;
    let py = core.py();
    let message = as_dict(message)?;
    let kind = kind_of(&message)?;
    match kind.to_str()? {
        "http.response.start" => start(core, target, &message),
        "http.response.body" => body(core, target, &message),
        "http.response.pathsend" => path_send(core, target, &message),
        "http.response.zerocopysend" => zero_copy_send(core, target, &message),
        "http.response.trailers" => trailers(core, target, &message),
        "http.response.early_hint" => early_hint(core, target, &message),
        "http.response.debug" => ready::none(py),
        other => Err(PyRuntimeError::new_err(format!(
            "send() got a message of unknown type {other:?}; for an http scope it takes \
             'http.response.start', then 'http.response.body'"
        ))),
    }
}

/// The type of a message.
pub fn kind_of<'py>(message: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyString>> {
    let Some(kind) = get_item(message, intern!(message.py(), "type"))? else {
        return Err(PyValueError::new_err("a message to send() has no 'type'"));
    };
    kind.cast_into::<PyString>().map_err(|_| PyTypeError::new_err("'type' must be a str"))
}

pub fn as_dict<'py>(message: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    match message.cast::<PyDict>() {
        Ok(dict) => Ok(dict.clone()),
        Err(_) => {
            let found = message.get_type().name()?;
            Err(PyTypeError::new_err(format!("send() takes a dict, not {found}")))
        }
    }
}

/// The connection of a response that has not ended, or the error that says why there is none.
fn running(state: &mut State, target: Target) -> PyResult<&mut Conn<Asgi>> {
    let ended = match state.net.get(target.token) {
        None => return Err(client_gone()),
        Some(conn) if conn.is_broken() => return Err(client_gone()),
        // The request was refused while the application read its body.
        Some(conn) if conn.seq == target.seq && conn.phase() != Phase::Exchange => {
            conn.exchange.is_none()
        }
        Some(_) => true,
    };
    match state.net.exchange(target.token, target.seq) {
        Some(conn) => Ok(conn),
        None if ended => {
            Err(PyRuntimeError::new_err("send() was called after the response was complete"))
        }
        None => Err(client_gone()),
    }
}

pub fn start<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let status = get_item(message, intern!(py, "status"))?
        .ok_or_else(|| PyValueError::new_err("'http.response.start' has no 'status'"))?;
    let status: u16 = status.extract().map_err(|_| {
        PyTypeError::new_err("'status' of 'http.response.start' must be an int below 1000")
    })?;
    let fields = get_item(message, intern!(py, "headers"))?;
    let fields = fields.filter(|fields| !fields.is_none());
    let fields = fields.map(|fields| Fields::read(&fields)).transpose()?;
    let promised = flag(message, intern!(py, "trailers"))?;

    let mut state = core.get().state.get();
    let conn = running(&mut state, target)?;
    if !conn.egress.response.is_waiting() {
        return Err(unexpected("http.response.start", "'http.response.body'"));
    }
    if let Some(exchange) = &mut conn.exchange {
        exchange.trailers = promised;
    }
    conn.egress.held.clear();
    let written =
        conn.egress.response.open(status, None, &mut conn.egress.held).and_then(
            |()| match &fields {
                Some(fields) => fields.each(|name, value| {
                    conn.egress.response.field(name, value, &mut conn.egress.held)
                }),
                None => Ok(()),
            },
        );
    if let Err(fault) = written {
        conn.egress.response.reopen();
        conn.egress.held.clear();
        return Err(PyValueError::new_err(format!("send(): {}", fault.detail())));
    }
    drop(state);
    ready::none(py)
}

fn unexpected(got: &str, expected: &str) -> PyErr {
    PyRuntimeError::new_err(format!("send() expected {expected}, got '{got}'"))
}

/// Checks that a body message is in place; says if trailers will follow the body.
fn in_body(conn: &mut Conn<Asgi>, got: &str) -> PyResult<bool> {
    if conn.egress.response.is_waiting() {
        return Err(unexpected(got, "'http.response.start'"));
    }
    match &conn.exchange {
        Some(exchange) if exchange.body_ended => Err(unexpected(got, "'http.response.trailers'")),
        Some(exchange) => Ok(exchange.trailers),
        None => Ok(false),
    }
}

pub fn body<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let more = flag(message, intern!(py, "more_body"))?;
    let given = get_item(message, intern!(py, "body"))?;
    let owned = given.map(|given| body_bytes(&given, "body")).transpose()?;
    let bytes: &[u8] = owned.as_ref().map_or(&[], |bytes| bytes.as_bytes());

    let mut state = core.get().state.get();
    let trailers = in_body(running(&mut state, target)?, "http.response.body")?;
    let keep = || match &owned {
        Some(bytes) => PyBackedBytes::from(bytes.clone()),
        None => PyBackedBytes::from(PyBytes::new(py, b"")),
    };
    let sent = state.net.send_body(target.token, bytes, more || trailers, keep);
    drop(state);
    after(core, target, sent, more)
}

/// Bytes as they are; other buffers as a copy, also subclasses of bytes: these may have a
/// finalizer, which must not run wherever the last piece of output goes.
pub fn body_bytes<'py>(given: &Bound<'py, PyAny>, key: &str) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = given.cast_exact::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Ok(PyBytes::new(given.py(), bytes.as_bytes()));
    }
    let buffer = pyo3::buffer::PyBuffer::<u8>::get(given).map_err(|_| {
        let found = given.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        PyTypeError::new_err(format!("'{key}' must be bytes, not {found}"))
    })?;
    Ok(PyBytes::new(given.py(), &buffer.to_vec(given.py())?))
}

fn flag(message: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<bool> {
    get_item(message, key)?.map_or(Ok(false), |value| value.is_truthy())
}

/// What a body message leads to: the end of the response, a wait, a turn for others, or nothing.
fn after<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    sent: Result<Sent, Fault>,
    more: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let sent = match sent {
        Ok(sent) => sent,
        Err(fault) => return fault_of(core, target, fault),
    };
    if sent == Sent::Broken {
        schedule_if_work(core)?;
        return Err(client_gone());
    }
    let mut state = core.get().state.get();
    let Some(conn) = state.net.exchange(target.token, target.seq) else {
        return Err(client_gone());
    };
    if conn.egress.response.is_done() {
        let finished = state.net.finish(target.token);
        let wanted = finished.runnable || state.net.has_lines();
        drop(state);
        if wanted {
            schedule(core)?;
        }
        if let Some(exchange) = finished.exchange {
            drive::gone(core, exchange, Wake::Soon);
        }
        return ready::none(py);
    }
    if !more {
        if let Some(exchange) = &mut conn.exchange {
            exchange.body_ended = true;
        }
    }
    if sent == Sent::Full {
        let waiter = wait_for_room(core, conn)?;
        state.net.await_client(target.token);
        drop(state);
        schedule_if_work(core)?;
        return ready::wait(core, target, waiter);
    }
    let due = conn.exchange.as_mut().is_some_and(AsgiExchange::is_due);
    let corked = state.net.is_corked();
    drop(state);
    go_on(core, corked, due)
}

/// The response breaks its own promise: nothing can be trusted after it.
fn fault_of<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    fault: Fault,
) -> PyResult<Bound<'py, PyAny>> {
    let exchange = {
        let mut state = core.get().state.get();
        state.net.answer_or_cut(target.token, 500, "The application failed.")
    };
    if let Some(exchange) = exchange {
        drive::gone(core, exchange, Wake::Soon);
    }
    schedule_if_work(core)?;
    Err(PyRuntimeError::new_err(format!("send(): {}", fault.detail())))
}

/// Extension `http.response.pathsend`: `{"path": str}`, a whole file by sendfile(2).
fn path_send<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let path: std::path::PathBuf = get_item(message, intern!(core.py(), "path"))?
        .ok_or_else(|| PyValueError::new_err("'http.response.pathsend' has no 'path'"))?
        .extract()?;
    // Opening a FIFO would wait for somebody who writes to it; for a file the flag means nothing.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        let what = format!("'http.response.pathsend': {} is not a regular file", path.display());
        return Err(PyOSError::new_err(what));
    }
    let mut state = core.get().state.get();
    let trailers = in_body(running(&mut state, target)?, "http.response.pathsend")?;
    let sent = state.net.send_file(target.token, file.into(), 0, facts.len(), trailers);
    drop(state);
    after(core, target, sent, false)
}

/// Extension `http.response.zerocopysend`: `{"file": file, "offset": int, "count": int,
/// "more_body": bool}`; offset defaults to the file's position, count to its rest.
fn zero_copy_send<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let file = get_item(message, intern!(py, "file"))?
        .ok_or_else(|| PyValueError::new_err("'http.response.zerocopysend' has no 'file'"))?;
    let fd: RawFd = match file.extract() {
        Ok(fd) => fd,
        Err(_) => file.call_method0(intern!(py, "fileno"))?.extract()?,
    };
    let number = |key| -> PyResult<Option<u64>> {
        let value = get_item(message, key)?.filter(|value| !value.is_none());
        value.map(|value| value.extract()).transpose()
    };
    let (offset, count) = (number(intern!(py, "offset"))?, number(intern!(py, "count"))?);
    let more = flag(message, intern!(py, "more_body"))?;
    let file = std::fs::File::from(duplicate(fd)?);
    let offset = match offset {
        Some(offset) => offset,
        None => std::io::Seek::stream_position(&mut &file)?,
    };
    let rest = file.metadata()?.len().saturating_sub(offset);
    let count = count.map_or(rest, |count| count.min(rest));

    let mut state = core.get().state.get();
    let trailers = in_body(running(&mut state, target)?, "http.response.zerocopysend")?;
    let file = OwnedFd::from(file);
    let sent = state.net.send_file(target.token, file, offset, count, more || trailers);
    drop(state);
    after(core, target, sent, more)
}

fn duplicate(fd: RawFd) -> PyResult<OwnedFd> {
    tricorn_net::sys::duplicate(fd).map_err(PyErr::from)
}

/// Extension `http.response.trailers`: `{"headers": […], "more_trailers": bool}`.
fn trailers<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let fields = get_item(message, intern!(py, "headers"))?;
    let fields = fields.map(|fields| Fields::read(&fields)).transpose()?;
    let more = flag(message, intern!(py, "more_trailers"))?;
    let mut state = core.get().state.get();
    let conn = running(&mut state, target)?;
    let Some(exchange) = &mut conn.exchange else { return Err(client_gone()) };
    if !exchange.body_ended {
        let expected = "the end of the body, and 'trailers': True in 'http.response.start'";
        return Err(unexpected("http.response.trailers", expected));
    }
    if let Some(fields) = &fields {
        let collected = &mut exchange.collected;
        fields
            .each(|name, value| {
                tricorn_wire::response::check_field(name, value)?;
                collected.push((name.to_vec(), value.to_vec()));
                Ok(())
            })
            .map_err(|fault| PyValueError::new_err(format!("send(): {}", fault.detail())))?;
    }
    if more {
        return ready::none(py);
    }
    let collected = std::mem::take(&mut exchange.collected);
    let sent = state.net.send_trailers(target.token, &collected);
    drop(state);
    after(core, target, sent, false)
}

/// Extension `http.response.early_hint`: `{"links": [bytes]}`, a 103 ahead of the response.
fn early_hint<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let mut fields = Vec::new();
    if let Some(links) = get_item(message, intern!(py, "links"))? {
        for link in links.try_iter()? {
            fields.push((b"link".to_vec(), link?.extract::<Vec<u8>>()?));
        }
    }
    let mut state = core.get().state.get();
    let conn = running(&mut state, target)?;
    if !conn.egress.response.is_waiting() {
        return Err(unexpected("http.response.early_hint", "'http.response.body'"));
    }
    if conn.egress.response.speaks_interim() {
        let sent = state.net.send_interim(target.token, 103, &fields);
        sent.map_err(|fault| PyValueError::new_err(format!("send(): {}", fault.detail())))?;
    }
    drop(state);
    schedule_if_work(core)?;
    ready::none(py)
}
