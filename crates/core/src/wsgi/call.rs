//! The application's call, and what becomes of its result.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::time::Instant;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyIterator, PyList, PyTuple};
use tricorn_wire::response::Fault;

use super::begin::{Request, Suspended};
use super::calls::{Account, Running};
use super::core::{Hold, WsgiCore};
use super::file::FileWrapper;
use super::input::Input;
use super::respond::StartResponse;
use crate::py::call::{call, exact_bytes};
use crate::py::{client_gone, exception_of};
use tricorn_net::spent::TOO_LONG;
use tricorn_net::sys::{thread_clock, thread_cpu};
use tricorn_net::Target;
use tricorn_net::{Sent, Token};

/// Bodies of several pieces up to this size go out as one.
const JOIN: usize = 64 * 1024;

/// How a response came to its end in this thread.
enum Delivery<'py> {
    Complete,
    /// The client reads slowly: the rest waits for the reactor.
    Suspended(Bound<'py, PyIterator>),
}

/// Calls the application; inline with the baton in hand, or having passed it on.
pub fn run(core: &Bound<'_, WsgiCore>, request: Request) -> PyResult<Hold> {
    let this = core.get();
    let slow = this.threads > 1 && this.routes.is_slow(request.route);
    let (route, target) = (request.route, request.target);
    Ok(watched(core, target, slow, || {
        let clock = slow.then(|| thread_cpu(thread_clock()));
        let start = Instant::now();
        respond(core, request);
        if this.threads > 1 {
            let wall = start.elapsed().as_micros() as u64;
            let computed = clock.map_or(0, |before| thread_cpu(thread_clock()) - before);
            this.routes.note(route, wall.saturating_sub(computed));
        }
    }))
}

/// Goes on with a response whose client has read what was sent.
pub fn resume(core: &Bound<'_, WsgiCore>, token: Token) -> PyResult<Hold> {
    let this = core.get();
    let found = {
        let mut net = this.net();
        net.get(token)
            .and_then(|conn| conn.exchange.as_mut()?.suspended.take())
            .inspect(|_| net.call_begins(token))
    };
    let Some(suspended) = found else { return Ok(Hold::Kept) };
    let target = suspended.target;
    Ok(watched(core, target, false, || {
        let py = core.py();
        let Suspended { iterator, result, environ, account, .. } = suspended;
        let (environ, result) = (environ.into_bound(py), result.into_bound(py));
        let running = this.calls.begin(target, &environ, account);
        let outcome = iterate(core, target, None, iterator.into_bound(py));
        settle(core, target, running, outcome, Some(&result), &environ);
    }))
}

/// Runs application code as the holder of the baton, or as a plain thread if that is passed on.
/// A panic ends its connection alone: who holds the baton then is known as after any other call.
fn watched(
    core: &Bound<'_, WsgiCore>,
    target: Target,
    give_away: bool,
    body: impl FnOnce(),
) -> Hold {
    let this = core.get();
    this.running.fetch_add(1, Ordering::Relaxed);
    this.beat();
    let measured = this.net().before_call(target.token);
    let is_away = give_away && this.baton.pass();
    let ticket = (!is_away).then(|| this.baton.enter());
    if !is_away {
        this.watch();
    }
    let outcome = catch_unwind(AssertUnwindSafe(body));
    this.net().after_call(measured);
    if let Err(panic) = outcome {
        this.net().call_ends(target.token, target.seq);
        this.cut_after(core, target.token, &panic);
    }
    let held = ticket.is_some_and(|ticket| this.baton.leave(ticket));
    this.running.fetch_sub(1, Ordering::Relaxed);
    if held {
        return Hold::Kept;
    }
    // Whoever runs the reactor now may sleep on a connection that has input already, or wait for
    // the last call to end.
    let mut net = this.net();
    net.release(); // … and that thread may be in a call
    net.flush_lines();
    if net.has_work() || net.is_draining() {
        net.wake();
    }
    Hold::Lost
}

/// The client has gone while its response was suspended: `close()` is the application's code too.
pub fn abandon(core: &Bound<'_, WsgiCore>, suspended: Suspended) -> Hold {
    watched(core, suspended.target, false, || close_suspended(core, suspended))
}

/// The end of an iterable that nobody reads any more.
pub fn close_suspended(core: &Bound<'_, WsgiCore>, suspended: Suspended) {
    let Suspended { target, account, environ, result, .. } = &suspended;
    let environ = environ.bind(core.py());
    let mut running = core.get().calls.begin(*target, environ, *account);
    let closed = close(core, None, result.bind(core.py()));
    running.end();
    if let Err(error) = closed {
        report(core, &error, environ, false);
    }
}

fn respond(core: &Bound<'_, WsgiCore>, request: Request) {
    let py = core.py();
    let Request { target, environ, gathered, .. } = request;
    let environ = environ.into_bound(py);
    let running = core.get().calls.begin(target, &environ, Account::default());
    let called = (|| {
        let input = Bound::new(py, Input::new(core.clone().unbind(), target, gathered))?;
        environ.set_item(intern!(py, "wsgi.input"), input)?;
        let start = Bound::new(py, StartResponse::new(core.clone().unbind(), target))?;
        let app = core.get().app.bind(py);
        let result = call(app, [environ.as_any(), start.as_any()])?;
        Ok((result, start))
    })();
    match called {
        Ok((result, start)) => {
            let outcome = deliver(core, target, &start, &result);
            settle(core, target, running, outcome, Some(&result), &environ);
        }
        Err(error) => settle(core, target, running, Err(error), None, &environ),
    }
}

/// Sends the result of the application.
fn deliver<'py>(
    core: &Bound<'py, WsgiCore>,
    target: Target,
    start: &Bound<'py, StartResponse>,
    result: &Bound<'py, PyAny>,
) -> PyResult<Delivery<'py>> {
    if let Some(body) = whole_body(result)? {
        start.get().check_called()?;
        send(core, target, &body, false)?;
        return Ok(Delivery::Complete);
    }
    if let Ok(wrapper) = result.cast_exact::<FileWrapper>() {
        if let Some((file, offset, left)) = wrapper.get().as_file(core.py())? {
            start.get().check_called()?;
            let left = start.get().clamp(left);
            let sent = core.get().net().send_file(target.token, file, offset, left, false);
            return check(sent).map(|_| Delivery::Complete);
        }
    }
    let iterator = result.try_iter()?;
    iterate(core, target, Some(start), iterator)
}

/// The body if the result is a list or tuple, which has all of it; pieces are joined.
fn whole_body<'py>(result: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let py = result.py();
    let pieces: Vec<Bound<'py, PyAny>> = if let Ok(list) = result.cast_exact::<PyList>() {
        if let (1, Ok(only)) = (list.len(), list.get_item(0)) {
            return piece(&only).map(Some);
        }
        list.iter().collect()
    } else if let Ok(tuple) = result.cast_exact::<PyTuple>() {
        tuple.iter().collect()
    } else {
        return Ok(None);
    };
    let mut total = 0;
    for one in &pieces {
        total += piece(one)?.as_bytes().len();
    }
    if total > JOIN {
        return Ok(None);
    }
    let mut body = Vec::with_capacity(total);
    for one in &pieces {
        body.extend_from_slice(piece(one)?.as_bytes());
    }
    Ok(Some(PyBytes::new(py, &body)))
}

/// A piece of body: PEP 3333 has bytes and nothing else.
fn piece<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    object.cast::<PyBytes>().cloned().map_err(|_| {
        let found = object.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
        pyo3::exceptions::PyTypeError::new_err(format!(
            "the application's iterable must give bytes, not {found} (PEP 3333)"
        ))
    })
}

/// Sends what the iterator gives, until it ends or the client falls behind. `start` is there until
/// the first piece, with which the head is due.
fn iterate<'py>(
    core: &Bound<'py, WsgiCore>,
    target: Target,
    start: Option<&Bound<'py, StartResponse>>,
    iterator: Bound<'py, PyIterator>,
) -> PyResult<Delivery<'py>> {
    let mut start = start;
    for item in iterator.clone() {
        let item = piece(&item?)?;
        if item.as_bytes().is_empty() {
            continue;
        }
        if let Some(start) = start.take() {
            start.get().check_called()?;
        }
        let sent = send(core, target, &item, true)?;
        core.get().goes_on();
        if sent == Sent::Full {
            return Ok(Delivery::Suspended(iterator));
        }
    }
    if let Some(start) = start {
        start.get().check_called()?;
    }
    send(core, target, &PyBytes::new(core.py(), b""), false)?;
    Ok(Delivery::Complete)
}

/// Sends one piece; the last one (`more` false) ends the response.
pub fn send(
    core: &Bound<'_, WsgiCore>,
    target: Target,
    body: &Bound<'_, PyBytes>,
    more: bool,
) -> PyResult<Sent> {
    let mut net = core.get().net();
    if net.exchange(target.token, target.seq).is_none() {
        return Err(client_gone());
    }
    // A subclass may have a finalizer, which must not run wherever the last piece of output goes.
    let keep = || match body.cast_exact::<PyBytes>() {
        Ok(body) => PyBackedBytes::from(body.clone()),
        Err(_) => PyBackedBytes::from(PyBytes::new(body.py(), body.as_bytes())),
    };
    let sent = net.send_body(target.token, body.as_bytes(), more, keep);
    drop(net);
    check(sent)
}

fn check(sent: Result<Sent, Fault>) -> PyResult<Sent> {
    match sent {
        Ok(Sent::Broken) => Err(client_gone()),
        Ok(sent) => Ok(sent),
        Err(fault) => Err(pyo3::exceptions::PyRuntimeError::new_err(fault.detail())),
    }
}

/// The response is complete, suspended, or has failed: the connection goes on accordingly.
fn settle<'py>(
    core: &Bound<'py, WsgiCore>,
    target: Target,
    mut running: Running<'_, 'py>,
    outcome: PyResult<Delivery<'py>>,
    result: Option<&Bound<'py, PyAny>>,
    environ: &Bound<'py, PyDict>,
) {
    core.get().check_forked(core.py(), outcome.as_ref().err());
    let failure = match (outcome, result) {
        (Ok(Delivery::Suspended(iterator)), Some(result)) => {
            // Before another thread may go on with it.
            let account = running.end();
            let (result, environ) = (result.clone().unbind(), environ.clone().unbind());
            let iterator = iterator.unbind();
            return suspend(core, Suspended { target, iterator, result, environ, account });
        }
        (Ok(_), _) => {
            let finished = {
                let mut net = core.get().net();
                net.call_ends(target.token, target.seq);
                let alive = net.exchange(target.token, target.seq).is_some();
                alive.then(|| net.finish(target.token))
            };
            drop(finished);
            None
        }
        (Err(error), _) => Some((error, failed(core, target, running.is_interrupted()))),
    };
    let closing = result.and_then(|result| close(core, Some(target), result).err());
    core.get().check_forked(core.py(), closing.as_ref());
    // What follows is ours: an exception for the application must not hit it.
    running.end();
    for (error, gone) in failure.into_iter().chain(closing.map(|error| (error, false))) {
        report(core, &error, environ, gone);
    }
}

/// The iterable waits in the exchange until the output has drained.
fn suspend(core: &Bound<'_, WsgiCore>, suspended: Suspended) {
    let target = suspended.target;
    let left = {
        let mut net = core.get().net();
        net.call_ends(target.token, target.seq);
        match net.exchange(target.token, target.seq) {
            Some(conn) => {
                conn.wants_drain = true;
                if let Some(exchange) = &mut conn.exchange {
                    exchange.suspended = Some(suspended);
                }
                net.enqueue(target.token); // it may have drained meanwhile
                None
            }
            None => Some(suspended),
        }
    };
    if let Some(suspended) = left {
        close_suspended(core, suspended);
    }
}

/// `close()` of the result, if it has one: always called (PEP 3333).
fn close(
    core: &Bound<'_, WsgiCore>,
    target: Option<Target>,
    result: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if exact_bytes(result).is_some() || result.is_exact_instance_of::<PyList>() {
        return Ok(());
    }
    match result.getattr_opt(intern!(result.py(), "close"))? {
        Some(close) => {
            // It is the application's, and may take long: see `before_call`.
            target.map(|target| core.get().net().before_call(target.token));
            close.call0().map(drop)
        }
        None => Ok(()),
    }
}

/// The application raised: a 500, or 504 if its time was up, or a cut if bytes of the response are
/// out already. Says if the client had gone.
fn failed(core: &Bound<'_, WsgiCore>, target: Target, timed_out: bool) -> bool {
    let (status, detail) =
        if timed_out { (504, TOO_LONG) } else { (500, "The application failed.") };
    let (gone, exchange) = {
        let mut net = core.get().net();
        net.call_ends(target.token, target.seq);
        let conn = net.exchange(target.token, target.seq);
        let gone = conn.as_ref().is_none_or(|conn| conn.is_broken());
        let runs = conn.is_some();
        let exchange = runs.then(|| net.answer_or_cut(target.token, status, detail)).flatten();
        (gone, exchange)
    };
    drop(exchange);
    gone
}

fn report(core: &Bound<'_, WsgiCore>, error: &PyErr, environ: &Bound<'_, PyDict>, gone: bool) {
    let py = core.py();
    let hooks = core.get().hooks.bind(py);
    let told =
        hooks.call_method1(intern!(py, "app_error"), (exception_of(py, error), environ, gone));
    if let Err(error) = told {
        error.write_unraisable(py, Some(hooks));
    }
}
