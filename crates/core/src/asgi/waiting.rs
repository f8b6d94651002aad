//! Who waits in the `receive` and `send` of a request.
//!
//! A waiter is only told that there may be something. Its `receive` takes the message in the step
//! that returns it, so one that is cancelled meanwhile leaves the message to the next.

use std::collections::VecDeque;

use pyo3::prelude::*;

use super::core::{check_forked, AsgiCore};
use super::drive::{keep_going, new_waiter};
use super::exchange::AsgiExchange;
use super::flow::schedule_if_work;
use super::{receive, websocket};
use crate::py::future::{resolve, Waiter, Wake};
use tricorn_net::Target;

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    Send,
    Receive,
    WsReceive,
}

/// Waiters in line: the first comes first.
#[derive(Default)]
pub struct Waiters(VecDeque<Py<Waiter>>);

impl Waiters {
    pub fn push(&mut self, waiter: Py<Waiter>) {
        self.0.push_back(waiter);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Py<Waiter>> {
        self.0.iter()
    }

    /// Who gives up is most often who came last.
    fn remove(&mut self, waiter: &Bound<'_, Waiter>) -> Option<Py<Waiter>> {
        let at = self.0.iter().rposition(|one| one.is(waiter))?;
        self.0.remove(at)
    }
}

/// Is it time for others?
pub fn is_due(core: &Bound<'_, AsgiCore>, target: Target) -> bool {
    let mut state = core.get().state.get();
    let conn = state.net.get(target.token).filter(|conn| conn.seq == target.seq);
    conn.and_then(|conn| conn.exchange.as_mut()).is_some_and(AsgiExchange::is_due)
}

/// The next message, or None if nothing has come yet.
pub fn message<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    role: Role,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match role {
        Role::WsReceive => websocket::receive::message(core, target),
        Role::Receive | Role::Send => receive::message(core, target),
    }
}

/// A waiter for what comes next, in line.
pub fn join<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    role: Role,
) -> PyResult<Bound<'py, Waiter>> {
    let waiter = new_waiter(core)?;
    let one = waiter.clone().unbind();
    match role {
        Role::WsReceive => websocket::receive::park(core, target, one),
        Role::Receive | Role::Send => receive::park(core, target, one),
    }
    // An edge may have been noted before anybody wanted it.
    schedule_if_work(core)?;
    Ok(waiter)
}

/// Whoever waited has given up. If it had been woken, what woke it is for the next in line.
pub fn leave(core: &Bound<'_, AsgiCore>, target: Target, role: Role, waiter: &Bound<'_, Waiter>) {
    if !core.get().state.is_owner() {
        return; // dropped by another thread: it stays in line, and is passed over
    }
    let left = {
        let mut state = core.get().state.get();
        let conn = state.net.get(target.token).filter(|conn| conn.seq == target.seq);
        let Some(exchange) = conn.and_then(|conn| conn.exchange.as_mut()) else { return };
        match role {
            Role::Send => exchange.senders.remove(waiter),
            Role::Receive | Role::WsReceive => exchange.receivers.remove(waiter),
        }
    };
    if left.is_none() && role != Role::Send {
        wake_first(core, target, Wake::Soon);
    }
}

/// Tells the first in line that there is something.
pub fn wake_first(core: &Bound<'_, AsgiCore>, target: Target, wake: Wake) {
    let py = core.py();
    loop {
        let first = {
            let mut state = core.get().state.get();
            let conn = state.net.get(target.token).filter(|conn| conn.seq == target.seq);
            let exchange = conn.and_then(|conn| conn.exchange.as_mut());
            exchange.and_then(|exchange| exchange.receivers.0.pop_front())
        };
        let Some(first) = first else { return };
        let first = first.into_bound(py);
        if first.get().is_pending() {
            return tell(core, &first, Ok(()), wake);
        }
    }
}

/// Wakes a waiter; what it raises ends nobody else.
pub fn tell(
    core: &Bound<'_, AsgiCore>,
    waiter: &Bound<'_, Waiter>,
    outcome: PyResult<()>,
    wake: Wake,
) {
    let py = core.py();
    let outcome = outcome.map(|()| py.None().into_bound(py));
    let woken = resolve(waiter, outcome, wake);
    let told = check_forked(core, woken.as_ref().err()).and_then(|()| keep_going(core, woken));
    if let Err(error) = told {
        error.write_unraisable(py, None);
    }
}
