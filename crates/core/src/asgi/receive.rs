//! `receive()`: `http.request` messages with the body, then `http.disconnect`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::core::AsgiCore;
use super::drive::new_waiter;
use super::flow::schedule_if_work;
use tricorn_wire::chunked::Field;

use crate::net::Pull;
use crate::py::future::Waiter;
use crate::py::handle::Target;
use crate::py::ready;

/// Body bytes in one message at the most.
const MOST: usize = 64 * 1024;

/// The awaitable of one `receive()`.
pub fn call<'py>(core: &Bound<'py, AsgiCore>, target: Target) -> PyResult<Bound<'py, PyAny>> {
    core.get().state.check_owner("receive()")?;
    if let Some(message) = message(core, target)? {
        let due = {
            let mut state = core.get().state.get();
            let conn = state.net.exchange(target.token, target.seq);
            conn.and_then(|conn| conn.exchange.as_mut()).is_some_and(|e| e.is_due())
        };
        return if due { ready::give_way(message) } else { ready::value(message) };
    }
    let waiter = new_waiter(core)?;
    park(core, target, waiter.clone().unbind());
    // An edge may have been noted before anybody wanted the body.
    schedule_if_work(core)?;
    ready::wait(waiter)
}

/// Puts a waiter in line.
pub fn park(core: &Bound<'_, AsgiCore>, target: Target, waiter: Py<Waiter>) {
    let mut state = core.get().state.get();
    if let Some(conn) = state.net.exchange(target.token, target.seq) {
        if let Some(exchange) = &mut conn.exchange {
            exchange.receivers.push(waiter);
        }
        let awaited = !conn.body_done();
        state.net.want_body(target.token);
        if awaited {
            state.net.await_client(target.token);
        }
    }
}

/// The next message, or None if nothing has come yet.
pub fn message<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = core.py();
    Ok(match next(core, target) {
        Next::Later => None,
        Next::Gone => Some(disconnect(py)?),
        Next::Body(body, more, trailers) => {
            let message = request(py, body, more)?;
            if !trailers.is_empty() {
                message.set_item(intern!(py, "tricorn.trailers"), fields(py, trailers)?)?;
            }
            Some(message)
        }
    })
}

/// What comes next, without the objects of a message: those are made once nothing is borrowed.
enum Next<'py> {
    Later,
    Gone,
    Body(Bound<'py, PyBytes>, bool, Vec<Field>),
}

fn next<'py>(core: &Bound<'py, AsgiCore>, target: Target) -> Next<'py> {
    let py = core.py();
    let mut state = core.get().state.get();
    let Some(conn) = state.net.exchange(target.token, target.seq) else { return Next::Gone };
    let body_done = conn.body_done();
    if let (Some(exchange), true) = (&mut conn.exchange, body_done) {
        if !std::mem::replace(&mut exchange.delivered, true) {
            return Next::Body(PyBytes::new(py, b""), false, Vec::new());
        }
    }
    match state.net.pull(target.token, MOST) {
        Pull::Later => Next::Later,
        Pull::Gone => Next::Gone,
        Pull::Refused(reject) => {
            if !state.net.answer(target.token, reject.status(), reject.detail()) {
                state.net.cut(target.token);
            }
            Next::Gone
        }
        Pull::Data { more } => {
            let body = PyBytes::new(py, &state.net.pulled);
            let Some(conn) = state.net.exchange(target.token, target.seq) else {
                return Next::Gone;
            };
            if let Some(exchange) = &mut conn.exchange {
                exchange.delivered = !more;
            }
            Next::Body(body, more, conn.take_trailers())
        }
    }
}

fn fields<'py>(py: Python<'py>, fields: Vec<Field>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for (name, value) in fields {
        list.append((PyBytes::new(py, &name), PyBytes::new(py, &value)))?;
    }
    Ok(list)
}

fn request<'py>(
    py: Python<'py>,
    body: Bound<'py, PyBytes>,
    more: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "http.request"))?;
    message.set_item(intern!(py, "body"), body)?;
    message.set_item(intern!(py, "more_body"), more)?;
    Ok(message.into_any())
}

/// `{"type": "http.disconnect"}`.
pub fn disconnect(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "http.disconnect"))?;
    Ok(message.into_any())
}
