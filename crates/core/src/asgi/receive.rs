//! `receive()`: `http.request` messages with the body, then `http.disconnect`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use tricorn_wire::chunked::OwnedField;

use super::core::AsgiCore;
use super::drive;
use super::exchange::AsgiExchange;
use crate::py::future::{Waiter, Wake};
use tricorn_net::Pull;
use tricorn_net::Target;

/// Body bytes in one message at the most.
const MOST: usize = 64 * 1024;

/// Puts a waiter in line.
pub fn park(core: &Bound<'_, AsgiCore>, target: Target, waiter: Py<Waiter>) {
    let mut state = core.get().state.get();
    if let Some(conn) = state.net.exchange(target.token, target.seq) {
        if let Some(exchange) = &mut conn.exchange {
            exchange.receivers.push(waiter);
            exchange.turns = 0; // it suspends
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
        Next::Cut(exchange) => {
            drive::gone(core, *exchange, Wake::Soon);
            Some(disconnect(py)?)
        }
        Next::Body((body, more, trailers)) => {
            let message = request(py, body.into_bound(py), more)?;
            if !trailers.is_empty() {
                message.set_item(intern!(py, "tricorn.trailers"), fields(py, trailers)?)?;
            }
            Some(message)
        }
    })
}

/// A piece of body, whether more comes, and the trailers behind the last one.
pub type Piece = (Py<PyBytes>, bool, Vec<OwnedField>);

/// What comes next, without the objects of a message: those are made once nothing is borrowed.
enum Next {
    Later,
    Gone,
    /// The connection was cut; whoever else waits has to be told.
    Cut(Box<AsgiExchange>),
    Body(Piece),
}

/// Is there a message? What has been read for it is kept for whoever takes it.
pub fn has_message(core: &Bound<'_, AsgiCore>, target: Target) -> bool {
    match next(core, target) {
        Next::Later => false,
        Next::Gone => true,
        Next::Cut(exchange) => {
            drive::gone(core, *exchange, Wake::InPlace);
            false
        }
        Next::Body(piece) => {
            let mut state = core.get().state.get();
            let conn = state.net.exchange(target.token, target.seq);
            if let Some(exchange) = conn.and_then(|conn| conn.exchange.as_mut()) {
                exchange.next = Some(piece);
            }
            true
        }
    }
}

fn next(core: &Bound<'_, AsgiCore>, target: Target) -> Next {
    let py = core.py();
    let mut state = core.get().state.get();
    let Some(conn) = state.net.exchange(target.token, target.seq) else { return Next::Gone };
    let body_done = conn.body_done();
    if let Some(exchange) = &mut conn.exchange {
        if let Some(piece) = exchange.next.take() {
            return Next::Body(piece);
        }
        if body_done && !std::mem::replace(&mut exchange.delivered, true) {
            return Next::Body((PyBytes::new(py, b"").unbind(), false, Vec::new()));
        }
    }
    match state.net.pull(target.token, MOST) {
        Pull::Later => Next::Later,
        Pull::Gone => Next::Gone,
        Pull::Refused(reject) => {
            if state.net.answer(target.token, reject.status(), reject.detail()) {
                return Next::Gone;
            }
            state.net.cut(target.token).map_or(Next::Gone, |cut| Next::Cut(Box::new(cut)))
        }
        Pull::Data { more } => {
            let body = PyBytes::new(py, &state.net.buffers.pulled).unbind();
            let Some(conn) = state.net.exchange(target.token, target.seq) else {
                return Next::Gone;
            };
            if let Some(exchange) = &mut conn.exchange {
                exchange.delivered = !more;
            }
            Next::Body((body, more, conn.take_trailers()))
        }
    }
}

fn fields<'py>(py: Python<'py>, fields: Vec<OwnedField>) -> PyResult<Bound<'py, PyList>> {
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
