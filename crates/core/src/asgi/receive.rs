//! `receive()`: `http.request` messages with the body, then `http.disconnect`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use super::core::{schedule, AsgiCore};
use super::drive::new_waiter;
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
    schedule_if_runnable(core)?;
    ready::wait(waiter)
}

fn schedule_if_runnable(core: &Bound<'_, AsgiCore>) -> PyResult<()> {
    if core.get().state.get().net.has_work() {
        schedule(core)?;
    }
    Ok(())
}

/// Puts a waiter in line.
pub fn park(core: &Bound<'_, AsgiCore>, target: Target, waiter: Py<Waiter>) {
    let mut state = core.get().state.get();
    if let Some(conn) = state.net.exchange(target.token, target.seq) {
        conn.wants_body = true;
        if let Some(exchange) = &mut conn.exchange {
            exchange.receivers.push(waiter);
        }
        state.net.renew(target.token);
    }
}

/// The next message, or None if nothing has come yet.
pub fn message<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = core.py();
    let mut state = core.get().state.get();
    let Some(conn) = state.net.exchange(target.token, target.seq) else {
        return disconnect(py).map(Some);
    };
    let body_done = conn.body_done();
    if let (Some(exchange), true) = (&mut conn.exchange, body_done) {
        if !std::mem::replace(&mut exchange.delivered, true) {
            return request(py, &[], false).map(Some);
        }
    }
    match state.net.pull(target.token, MOST) {
        Pull::Later => Ok(None),
        Pull::Gone => disconnect(py).map(Some),
        Pull::Refused(reject) => {
            if !state.net.answer(target.token, reject.status(), reject.detail()) {
                state.net.cut(target.token);
            }
            disconnect(py).map(Some)
        }
        Pull::Data { more } => {
            let message = request(py, &state.net.pulled, more)?;
            if let Some(conn) = state.net.exchange(target.token, target.seq) {
                if let Some(exchange) = &mut conn.exchange {
                    exchange.delivered = !more;
                }
                let trailers = conn.take_trailers();
                if !trailers.is_empty() {
                    let list = PyList::empty(py);
                    for (name, value) in trailers {
                        list.append((PyBytes::new(py, &name), PyBytes::new(py, &value)))?;
                    }
                    message.set_item(intern!(py, "trailers"), list)?;
                }
            }
            Ok(Some(message))
        }
    }
}

fn request<'py>(py: Python<'py>, body: &[u8], more: bool) -> PyResult<Bound<'py, PyAny>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "http.request"))?;
    message.set_item(intern!(py, "body"), PyBytes::new(py, body))?;
    message.set_item(intern!(py, "more_body"), more)?;
    Ok(message.into_any())
}

/// `{"type": "http.disconnect"}`.
pub fn disconnect(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "http.disconnect"))?;
    Ok(message.into_any())
}
