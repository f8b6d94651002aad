//! From the reactor's events to calls of the application.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;
use tricorn_wire::head::Slots;
use tricorn_wire::reject::Reject;
use tricorn_wire::ws::handshake::{Offer, Wanted};

use super::core::{check_forked, AsgiCore};
use super::exchange::AsgiExchange;
use super::websocket::{begin as websocket, ending};
use super::{overdue, receive, task, waiting};
use crate::py::call::call;
use crate::py::client_gone;
use crate::py::future::{Waiter, Wake};
use crate::py::handle::{self, Kind};
use tricorn_net::Target;
use tricorn_net::{Begin, Head, Step, Token};

/// Takes one connection as far as it goes; returns how often it called the application.
pub fn advance(core: &Bound<'_, AsgiCore>, token: Token) -> PyResult<usize> {
    let mut calls = 0;
    loop {
        let step = core.get().state.get().net.step(token);
        match step {
            Step::Idle | Step::Again => return Ok(calls),
            Step::Head(head) => {
                calls += 1;
                begin(core, token, head)?;
                if calls >= super::core::MOST_CALLS {
                    core.get().state.get().net.enqueue(token);
                    return Ok(calls);
                }
            }
            Step::Body | Step::Drained => {
                calls += 1;
                let clock = core.get().state.get().net.before_call(token);
                wake(core, token, matches!(step, Step::Drained));
                core.get().state.get().net.after_call(clock);
            }
            Step::Stalled(reject) => stalled(core, token, reject),
            Step::Closed(exchange) => {
                if let Some(exchange) = exchange {
                    overdue::desert(core, token, &exchange);
                    gone(core, exchange, Wake::InPlace);
                }
                return Ok(calls);
            }
        }
    }
}

fn begin(core: &Bound<'_, AsgiCore>, token: Token, head: Head) -> PyResult<()> {
    let py = core.py();
    let mut slots = Slots::new();
    let limits = core.get().state.get().net.settings.limits;
    let parsed = match head.parse(&mut slots, &limits) {
        Ok(parsed) => parsed,
        Err(reject) => {
            core.get().state.get().net.reject(token, head, reject);
            return Ok(());
        }
    };
    let via = core.get().state.get().net.via(token, &parsed);
    let via = match via {
        None => return Ok(()),
        Some(Ok(via)) => via,
        Some(Err(reject)) => {
            core.get().state.get().net.reject(token, head, reject);
            return Ok(());
        }
    };
    let offer = match websocket::look(core, &parsed) {
        Wanted::Http => None,
        Wanted::WebSocket(offer) => Some(offer),
        Wanted::Refused(refusal) => {
            let mut state = core.get().state.get();
            let begin = state.net.begin_of(&parsed, via, &|_| None);
            state.net.refuse_handshake(token, head, begin, refusal);
            return Ok(());
        }
    };
    let built = {
        let mut scopes = core.get().scopes.get();
        scopes.build(py, &parsed, &via).and_then(|scope| match &offer {
            Some(offer) => websocket::turn_scope(&scopes, &scope, offer).map(|()| scope),
            None => Ok(scope),
        })
    };
    let scope = match built {
        Ok(scope) => scope,
        Err(error) => {
            core.get().state.get().net.fail(token, head);
            warn(core, &format!("a scope could not be made: {error}"));
            return Ok(());
        }
    };
    // A scope has no variables.
    let begin = core.get().state.get().net.begin_of(&parsed, via, &|_| None);
    let is_websocket = offer.is_some();
    let seq = begin_exchange(core, token, head, (begin, offer));
    let target = Target { token, seq };
    call_app(core, target, scope.as_any(), is_websocket)
}

/// The request is the application's from now on; returns its number.
fn begin_exchange(
    core: &Bound<'_, AsgiCore>,
    token: Token,
    head: Head,
    (begin, offer): (Begin, Option<Offer>),
) -> u32 {
    let mut state = core.get().state.get();
    let agreed = offer.as_ref().map(|offer| offer.deflate.as_ref().map(|(agreed, _)| *agreed));
    let exchange = offer.map_or_else(AsgiExchange::default, websocket::exchange);
    let seq = state.net.begin(token, head, begin, exchange);
    if let Some(agreed) = agreed {
        state.net.await_accept(token, agreed);
    }
    state.net.call_begins(token);
    seq
}

fn call_app<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    scope: &Bound<'py, PyAny>,
    is_websocket: bool,
) -> PyResult<()> {
    let (send, receive) =
        if is_websocket { (Kind::WsSend, Kind::WsReceive) } else { (Kind::Send, Kind::Receive) };
    let send = handle::new(core, send, target, None)?;
    let receive = handle::new(core, receive, target, None)?;
    let app = core.get().app.bind(core.py());
    let clock = core.get().state.get().net.before_call(target.token);
    let outcome = match call(app, [scope, &receive, &send]) {
        Ok(coroutine) => task::start(core, target, coroutine, scope),
        Err(error) => {
            check_forked(core, Some(&error))?;
            task::failed(core, target, &error, scope)
        }
    };
    core.get().state.get().net.after_call(clock);
    outcome
}

/// Wakes who waits, to send or to receive.
fn wake(core: &Bound<'_, AsgiCore>, token: Token, has_drained: bool) {
    if has_drained {
        return wake_senders(core, token);
    }
    let is_websocket = {
        let mut state = core.get().state.get();
        state.net.get(token).is_some_and(|conn| conn.websocket.is_some())
    };
    if is_websocket {
        ending::wake(core, token);
    } else {
        wake_receivers(core, token);
    }
}

/// Wakes a `receive()` that waits, if there is something for it.
fn wake_receivers(core: &Bound<'_, AsgiCore>, token: Token) {
    let seq = {
        let mut state = core.get().state.get();
        state.net.client_came(token);
        let Some(conn) = state.net.get(token) else { return };
        conn.wants_body = false;
        if conn.exchange.as_ref().is_none_or(|exchange| exchange.receivers.is_empty()) {
            return;
        }
        conn.seq
    };
    let target = Target { token, seq };
    if receive::has_message(core, target) {
        waiting::wake_first(core, target, Wake::InPlace);
    }
    // Others may wait for the same: they get their turn when there is something for them.
    let mut state = core.get().state.get();
    let Some(conn) = state.net.exchange(token, seq) else { return };
    if conn.exchange.as_ref().is_some_and(|exchange| !exchange.receivers.is_empty()) {
        let awaited = !conn.body_done();
        state.net.want_body(token);
        if awaited {
            state.net.await_client(token);
        }
    }
}

fn wake_senders(core: &Bound<'_, AsgiCore>, token: Token) {
    let senders = {
        let mut state = core.get().state.get();
        state.net.client_came(token);
        let exchange = state.net.get(token).and_then(|conn| conn.exchange.as_mut());
        exchange.map(|exchange| std::mem::take(&mut exchange.senders))
    };
    for waiter in senders.unwrap_or_default().iter() {
        waiting::tell(core, waiter.bind(core.py()), Ok(()), Wake::InPlace);
    }
}

/// The body came too slowly: the client is told, the application sees a disconnect.
fn stalled(core: &Bound<'_, AsgiCore>, token: Token, reject: Reject) {
    let exchange = {
        let mut state = core.get().state.get();
        state.net.answer_or_cut(token, reject.status(), reject.detail())
    };
    if let Some(exchange) = exchange {
        gone(core, exchange, Wake::InPlace);
    }
}

/// The exchange is over for the application: whoever waits is told so.
pub fn gone(core: &Bound<'_, AsgiCore>, exchange: AsgiExchange, wake: Wake) {
    for waiter in exchange.receivers.iter() {
        waiting::tell(core, waiter.bind(core.py()), Ok(()), wake);
    }
    for waiter in exchange.senders.iter() {
        waiting::tell(core, waiter.bind(core.py()), Err(client_gone()), wake);
    }
}

/// An exception out of a woken task is only ever KeyboardInterrupt or SystemExit: the events at
/// hand are finished first, and the loop gets it in its next turn.
pub fn keep_going(core: &Bound<'_, AsgiCore>, outcome: PyResult<()>) -> PyResult<()> {
    let Err(error) = outcome else { return Ok(()) };
    let py = core.py();
    let ends =
        error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py);
    let hook = if ends { "raise_soon" } else { "internal_error" };
    core.get().hooks.bind(py).call_method1(hook, (error.into_value(py),))?;
    Ok(())
}

/// A waiter of this core.
pub fn new_waiter<'py>(core: &Bound<'py, AsgiCore>) -> PyResult<Bound<'py, Waiter>> {
    let py = core.py();
    Bound::new(py, Waiter::new(core.get().event_loop.clone_ref(py)))
}

/// A line for the error log.
pub fn warn(core: &Bound<'_, AsgiCore>, text: &str) {
    let py = core.py();
    let hooks = core.get().hooks.bind(py);
    if let Err(error) = hooks.call_method1(intern!(py, "warning"), (text,)) {
        error.write_unraisable(py, Some(hooks));
    }
}

/// While draining, tells Python when the last connection and the last task have gone.
pub fn report_idle(core: &Bound<'_, AsgiCore>) -> PyResult<()> {
    let py = core.py();
    let idle = {
        let state = core.get().state.get();
        state.net.is_draining() && state.net.open() == 0
    };
    if idle && core.get().tasks.bind(py).is_empty() {
        core.get().hooks.bind(py).call_method0(intern!(py, "idle"))?;
    }
    Ok(())
}
