//! The life of the application's task: started in place, looked at when it is done.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::intern;
use pyo3::prelude::*;

use super::core::{schedule, AsgiCore};
use super::drive::{self, keep_going};
use super::send;
use crate::py::call::{call, call_method, call_named};
use crate::py::future::Wake;
use crate::py::handle::{self, Kind, Target};

/// Starts the task; on Python 3.12 and newer its first step runs here.
pub fn start<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    coroutine: Bound<'py, PyAny>,
    scope: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = core.py();
    let task = match make(core, &coroutine) {
        Ok(task) => task,
        Err(error) => return failed(core, target, &error, scope),
    };
    if call_method(&task, intern!(py, "done"))?.is_truthy()? {
        return ended(core, target, &task, scope);
    }
    core.get().tasks.bind(py).add(&task)?;
    let callback = handle::new(core, Kind::TaskDone, target, Some(scope))?;
    task.call_method1(intern!(py, "add_done_callback"), (callback,))?;
    Ok(())
}

fn make<'py>(
    core: &Bound<'py, AsgiCore>,
    coroutine: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let this = core.get();
    let make_task = this.make_task.bind(py);
    let event_loop = this.event_loop.bind(py);
    let Some(keywords) = &this.task_keywords else {
        return call(make_task, [coroutine]);
    };
    let keywords = keywords.bind(py);
    if keywords.len() == 1 {
        return call_named(make_task, [coroutine, event_loop], keywords);
    }
    let eager = pyo3::types::PyBool::new(py, true);
    call_named(make_task, [coroutine, event_loop, eager.as_any()], keywords)
}

/// The callback of a task that took more than its first step.
pub fn done<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    task: &Bound<'py, PyAny>,
    scope: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = core.py();
    core.get().tasks.bind(py).discard(task)?;
    ended(core, target, task, scope)?;
    let state = core.get().state.get();
    let nudge = state.net.has_work() || state.net.is_draining();
    drop(state);
    if nudge {
        schedule(core)
    } else {
        Ok(())
    }
}

fn ended<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    task: &Bound<'py, PyAny>,
    scope: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = core.py();
    match call_method(task, intern!(py, "exception")) {
        Ok(exception) if exception.is_none() => returned(core, target, scope),
        Ok(exception) => failed(core, target, &PyErr::from_value(exception), scope),
        Err(cancelled) => failed(core, target, &cancelled, scope),
    }
}

/// The application returned: was its response complete?
fn returned(core: &Bound<'_, AsgiCore>, target: Target, scope: &Bound<'_, PyAny>) -> PyResult<()> {
    let unfinished = {
        let mut state = core.get().state.get();
        let conn = state.net.exchange(target.token, target.seq);
        conn.map(|conn| (conn.response.is_waiting(), conn.is_broken()))
    };
    match unfinished {
        None | Some((_, true)) => Ok(()),
        Some((waiting, false)) => {
            let what =
                if waiting { "without a response" } else { "before the response was complete" };
            core.get().hooks.bind(core.py()).call_method1(
                intern!(core.py(), "app_warning"),
                (format!("the application returned {what}"), scope),
            )?;
            give_up(core, target)
        }
    }
}

/// The application raised, or its task was cancelled.
pub fn failed(
    core: &Bound<'_, AsgiCore>,
    target: Target,
    error: &PyErr,
    scope: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = core.py();
    let gone = {
        let mut state = core.get().state.get();
        state.net.exchange(target.token, target.seq).is_none_or(|conn| conn.is_broken())
    };
    let ends =
        error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py);
    if ends {
        keep_going(core, Err(error.clone_ref(py)))?;
    } else {
        let hooks = core.get().hooks.bind(py);
        hooks.call_method1(intern!(py, "app_error"), (error.value(py), scope, gone))?;
    }
    give_up(core, target)
}

/// No response will come from the application: a 500, or a cut if bytes are out already.
fn give_up(core: &Bound<'_, AsgiCore>, target: Target) -> PyResult<()> {
    let exchange = {
        let mut state = core.get().state.get();
        let Some(conn) = state.net.exchange(target.token, target.seq) else { return Ok(()) };
        let exchange = conn.exchange.take();
        if !state.net.answer(target.token, 500, "The application failed.") {
            state.net.cut(target.token);
        }
        exchange
    };
    if let Some(exchange) = exchange {
        drive::gone(core, exchange, Wake::Soon)?;
    }
    send::schedule_if_work(core)
}
