//! How a WebSocket ends for its application: what it has not received stays for it, in order, and
//! then the reason, until its task has ended.

use std::collections::{HashMap, VecDeque};

use pyo3::prelude::*;
use tricorn_wire::ws::close::{Close, LOST, NORMAL, SERVER_ERROR};
use tricorn_wire::ws::reader::Message;

use super::super::core::{AsgiCore, State};
use super::super::drive;
use super::super::exchange::AsgiExchange;
use super::super::flow::schedule_if_work;
use super::super::waiting;
use crate::py::future::Wake;
use tricorn_net::Target;
use tricorn_net::{Phase, Token};

/// What is left of WebSockets whose tasks go on.
#[derive(Default)]
pub struct Rests(HashMap<(Token, u32), (VecDeque<Message>, Close)>);

impl Rests {
    fn forget(&mut self, target: Target) {
        if !self.0.is_empty() {
            self.0.remove(&(target.token, target.seq));
        }
    }
}

/// What comes next of a WebSocket that has ended: a message, or how it did.
pub fn rest(state: &mut State, target: Target) -> Result<Message, Close> {
    match state.rests.0.get_mut(&(target.token, target.seq)) {
        Some((queue, close)) => queue.pop_front().ok_or_else(|| close.clone()),
        None => Err(Close { code: LOST, reason: String::new() }),
    }
}

/// Wakes a `receive()` that waits if there is something for it, or all if it is over.
pub fn wake(core: &Bound<'_, AsgiCore>, token: Token) {
    let (target, over) = {
        let mut state = core.get().state.get();
        state.net.client_came(token);
        let Some(conn) = state.net.get(token) else { return };
        conn.wants_body = false;
        let ended = conn.websocket.as_ref().is_none_or(|socket| socket.has_ended());
        (Target { token, seq: conn.seq }, conn.phase() != Phase::WebSocket || ended)
    };
    if over {
        let exchange = {
            let mut state = core.get().state.get();
            let exchange = part(&mut state, target);
            let conn = state.net.get(token).filter(|conn| conn.phase() == Phase::Exchange);
            match conn.map(|conn| conn.is_gone()) {
                // It was never accepted, and never will be.
                Some(true) => state.net.close_later(token),
                Some(false) => drop(state.net.answer(token, 503, "The server is stopping.")),
                None => {}
            }
            exchange
        };
        if let Some(exchange) = exchange {
            drive::gone(core, exchange, Wake::InPlace);
        }
        return;
    }
    waiting::wake_first(core, target, Wake::InPlace);
    let mut state = core.get().state.get();
    if let Some(conn) = state.net.websocket(token, target.seq) {
        conn.wants_body |= conn.exchange.as_ref().is_some_and(|e| !e.receivers.is_empty());
    }
}

/// Takes the application's part off the connection, which goes on to its end without it.
pub fn part(state: &mut State, target: Target) -> Option<AsgiExchange> {
    let conn = state.net.get(target.token).filter(|conn| conn.seq == target.seq)?;
    let exchange = conn.exchange.take()?;
    conn.wants_body = false;
    conn.wants_drain = false;
    let rest = match &mut conn.websocket {
        Some(socket) => socket.take_rest(),
        None => (VecDeque::new(), Close { code: LOST, reason: String::new() }),
    };
    state.rests.0.insert((target.token, target.seq), rest);
    state.net.enqueue(target.token);
    Some(exchange)
}

/// Closes it for the application.
pub fn close(core: &Bound<'_, AsgiCore>, target: Target, code: u16, reason: &str) -> PyResult<()> {
    let exchange = {
        let mut state = core.get().state.get();
        state.net.close_websocket(target.token, code, reason);
        part(&mut state, target)
    };
    if let Some(exchange) = exchange {
        drive::gone(core, exchange, Wake::Soon);
    }
    schedule_if_work(core)
}

/// The task has ended: closes what is open, as the task would if it had said so.
pub fn task_ended(core: &Bound<'_, AsgiCore>, target: Target, has_failed: bool) -> PyResult<()> {
    let is_open = {
        let mut state = core.get().state.get();
        state.net.websocket(target.token, target.seq).is_some()
    };
    let outcome = match (is_open, has_failed) {
        (true, true) => close(core, target, SERVER_ERROR, ""),
        (true, false) => close(core, target, NORMAL, ""),
        (false, _) => Ok(()),
    };
    core.get().state.get().rests.forget(target);
    outcome
}

/// The handshake has ended without a WebSocket.
pub fn refused(core: &Bound<'_, AsgiCore>, exchange: AsgiExchange) -> PyResult<()> {
    drive::gone(core, exchange, Wake::Soon);
    drive::report_idle(core)
}
