//! The requests whose tasks have not ended, and what is done about those that take too long.
//!
//! A task that ends in its first step is never seen here, and the others pay nothing: what is known
//! of them is in the callback that waits for their end.

use std::collections::HashMap;

use pyo3::prelude::*;

use super::core::{AsgiCore, State};
use super::drive;
use super::exchange::AsgiExchange;
use super::flow::schedule_if_work;
use crate::py::future::Wake;
use crate::py::handle::request_of;
use tricorn_net::spent::{Spent, TOO_LONG};
use tricorn_net::Target;
use tricorn_net::Token;

/// A task, its scope, and for how many seconds it has had its request: None once it has responded.
pub type HeldTask<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Option<f64>);

/// Requests whose client left before the response was complete: their tasks still count.
#[derive(Default)]
pub struct Deserted(HashMap<(Token, u32), Spent>);

impl Deserted {
    pub fn ended(&mut self, target: Target) {
        if !self.0.is_empty() {
            self.0.remove(&(target.token, target.seq));
        }
    }
}

/// The connection is gone, and its exchange was not complete.
pub fn desert(core: &Bound<'_, AsgiCore>, token: Token, exchange: &AsgiExchange) {
    if let Some((seq, spent)) = exchange.suspended {
        core.get().state.get().deserted.0.insert((token, seq), spent);
    }
}

/// All requests whose task has not ended.
pub fn in_flight<'py>(core: &Bound<'py, AsgiCore>) -> Vec<HeldTask<'py>> {
    let tasks: Vec<_> = core.get().tasks.bind(core.py()).iter().collect();
    let mut state = core.get().state.get();
    let now = state.net.fresh_now();
    tasks
        .into_iter()
        .filter_map(|(task, callback)| {
            let (target, scope) = request_of(&callback)?;
            let spent = match state.net.exchange(target.token, target.seq) {
                Some(conn) => Some(conn.request.spent),
                None => state.deserted.0.get(&(target.token, target.seq)).copied(),
            };
            Some((task, scope, spent.map(|spent| spent.seconds(now))))
        })
        .collect()
}

/// From now on, if the task ends without a response, that is because its time was up.
pub fn time_out(core: &Bound<'_, AsgiCore>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(target) = target_of(core, task)? else { return Ok(()) };
    let mut state = core.get().state.get();
    let conn = state.net.exchange(target.token, target.seq);
    if let Some(exchange) = conn.and_then(|conn| conn.exchange.as_mut()) {
        exchange.timed_out = true;
    }
    Ok(())
}

/// From now on, if the task ends without a response, that is because the server stops.
pub fn cut_off(state: &mut State, target: Target) {
    let conn = state.net.exchange(target.token, target.seq);
    if let Some(exchange) = conn.and_then(|conn| conn.exchange.as_mut()) {
        exchange.cut_off = true;
    }
}

/// Answers in place of a task that does not end: 504, or a cut if bytes are out already.
pub fn give_up(core: &Bound<'_, AsgiCore>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    time_out(core, task)?;
    match target_of(core, task)? {
        Some(target) => answer(core, target),
        None => Ok(()),
    }
}

/// No response will come from the application: an error in its place, or a cut if bytes are out.
pub fn answer(core: &Bound<'_, AsgiCore>, target: Target) -> PyResult<()> {
    let exchange = {
        let mut state = core.get().state.get();
        let Some(conn) = state.net.exchange(target.token, target.seq) else { return Ok(()) };
        let (status, detail) = match &conn.exchange {
            Some(exchange) if exchange.timed_out => (504, TOO_LONG),
            Some(exchange) if exchange.cut_off => (503, "The server is stopping."),
            _ => (500, "The application failed."),
        };
        state.net.answer_or_cut(target.token, status, detail)
    };
    if let Some(exchange) = exchange {
        drive::gone(core, exchange, Wake::Soon);
    }
    schedule_if_work(core)
}

fn target_of(core: &Bound<'_, AsgiCore>, task: &Bound<'_, PyAny>) -> PyResult<Option<Target>> {
    let callback = core.get().tasks.bind(core.py()).get_item(task)?;
    Ok(callback.and_then(|callback| request_of(&callback)).map(|(target, _)| target))
}
