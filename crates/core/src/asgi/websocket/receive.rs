//! `receive()` of a WebSocket: `websocket.connect`, messages, then `websocket.disconnect`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tricorn_wire::ws::close::{Close, LOST};
use tricorn_wire::ws::reader::Message;

use super::super::core::AsgiCore;
use super::ending;
use crate::py::call::utf8;
use crate::py::future::Waiter;
use tricorn_net::News;
use tricorn_net::Target;

/// Puts a waiter in line.
pub fn park(core: &Bound<'_, AsgiCore>, target: Target, waiter: Py<Waiter>) {
    let mut state = core.get().state.get();
    let Some(conn) = state.net.get(target.token).filter(|conn| conn.seq == target.seq) else {
        return;
    };
    if let Some(exchange) = &mut conn.exchange {
        exchange.receivers.push(waiter);
        exchange.turns = 0; // it suspends
        conn.wants_body = true;
        let waits = conn.websocket.as_ref().is_some_and(|socket| socket.waits_for_app());
        if waits || conn.is_parted() {
            state.net.enqueue(target.token);
        }
        state.net.await_client(target.token);
    }
}

/// The next message, or None if nothing has come yet.
pub fn message<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = core.py();
    Ok(match next(core, target) {
        NextMessage::Later => None,
        NextMessage::Connect => Some(connect(py)?),
        NextMessage::Message(message) => Some(received(py, &message)?),
        NextMessage::Ended(close) => Some(disconnect(py, &close)?),
    })
}

/// What comes next, without the objects of a message: those are made once nothing is borrowed.
enum NextMessage {
    Later,
    Connect,
    Message(Message),
    Ended(Close),
}

fn next(core: &Bound<'_, AsgiCore>, target: Target) -> NextMessage {
    let mut state = core.get().state.get();
    if let Some(news) = state.net.news(target.token, target.seq) {
        return match news {
            News::Message(message) => NextMessage::Message(message),
            News::Ended(close) => NextMessage::Ended(close),
            News::Later => NextMessage::Later,
        };
    }
    if let Some(conn) = state.net.exchange(target.token, target.seq) {
        let is_gone = conn.is_gone();
        let asked = conn.exchange.as_mut().and_then(|exchange| exchange.websocket.as_mut());
        let was_told = asked.is_none_or(|asked| std::mem::replace(&mut asked.is_told, true));
        return match (was_told, is_gone) {
            (false, _) => NextMessage::Connect,
            (true, false) => NextMessage::Later,
            (true, true) => NextMessage::Ended(Close { code: LOST, reason: String::new() }),
        };
    }
    match ending::rest(&mut state, target) {
        Ok(message) => NextMessage::Message(message),
        Err(close) => NextMessage::Ended(close),
    }
}

fn connect(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "websocket.connect"))?;
    Ok(message.into_any())
}

/// With one of "text" and "bytes": frameworks ask which of them is there.
pub fn received<'py>(py: Python<'py>, message: &Message) -> PyResult<Bound<'py, PyAny>> {
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "type"), intern!(py, "websocket.receive"))?;
    if message.is_text {
        dict.set_item(intern!(py, "text"), utf8(py, &message.body)?)?;
    } else {
        dict.set_item(intern!(py, "bytes"), PyBytes::new(py, &message.body))?;
    }
    Ok(dict.into_any())
}

/// `{"type": "websocket.disconnect", "code": int, "reason": str}`.
pub fn disconnect<'py>(py: Python<'py>, close: &Close) -> PyResult<Bound<'py, PyAny>> {
    let message = PyDict::new(py);
    message.set_item(intern!(py, "type"), intern!(py, "websocket.disconnect"))?;
    message.set_item(intern!(py, "code"), close.code)?;
    message.set_item(intern!(py, "reason"), &close.reason)?;
    Ok(message.into_any())
}
