//! The life of the application's task: started in place, looked at when it is done.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::core::{check_forked, schedule, AsgiCore};
use super::drive::keep_going;
use super::flow::schedule_if_work;
use super::overdue;
use super::websocket::ending;
use crate::py::call::call;
use crate::py::exception_of;
use crate::py::handle::{self, Kind};
use tricorn_net::Target;

/// Starts the task; on Python 3.12 and newer its first step runs here.
pub fn start<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    coroutine: Bound<'py, PyAny>,
    scope: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = core.py();
    let tasks = &core.get().task_maker;
    let task = match tasks.make(coroutine) {
        Ok(task) => task,
        Err(error) => {
            check_forked(core, Some(&error))?;
            return failed(core, target, &error, scope);
        }
    };
    if core.get().is_abandoned() {
        let ended = tasks.is_done(&task)?.then(|| tasks.exception(&task));
        return check_forked(core, raised(ended).as_ref());
    }
    if tasks.is_done(&task)? {
        return ended(core, target, &task, scope);
    }
    let callback = handle::new(core, Kind::TaskDone, target, Some(scope))?;
    core.get().tasks.bind(py).set_item(&task, &callback)?;
    if let Some(conn) = core.get().state.get().net.exchange(target.token, target.seq) {
        let suspended = Some((target.seq, conn.request.spent));
        conn.exchange.iter_mut().for_each(|exchange| exchange.suspended = suspended);
    }
    task.call_method1(intern!(py, "add_done_callback"), (callback,))?;
    Ok(())
}

/// What a task that has ended raised.
fn raised(ended: Option<PyResult<Bound<'_, PyAny>>>) -> Option<PyErr> {
    match ended? {
        Ok(exception) if exception.is_none() => None,
        Ok(exception) => Some(PyErr::from_value(exception)),
        Err(cancelled) => Some(cancelled),
    }
}

/// How tasks are made: eagerly where that exists, by the loop's factory where there is one.
pub struct TaskMaker {
    /// `asyncio.Task`, or the loop's `create_task`.
    make: Py<PyAny>,
    /// The keyword arguments of `asyncio.Task`: one dict for all calls, since it only reads them.
    keywords: Option<Py<PyDict>>,
    /// `asyncio.Task.done` and `.exception`: looking them up costs more than they do.
    done: Py<PyAny>,
    exception: Py<PyAny>,
    /// The type of what an `async def` gives.
    coroutine_type: Py<PyAny>,
    /// `asyncio.iscoroutine`, for all other types.
    is_coroutine: Py<PyAny>,
}

impl TaskMaker {
    pub fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = event_loop.py();
        let class = py.import("asyncio")?.getattr("Task")?;
        let (done, exception) = (class.getattr("done")?, class.getattr("exception")?);
        let (make, keywords) = if event_loop.call_method0("get_task_factory")?.is_none() {
            let keywords = PyDict::new(py);
            keywords.set_item("loop", event_loop)?;
            if py.version_info() >= (3, 12) {
                keywords.set_item("eager_start", true)?;
            }
            (class, Some(keywords.unbind()))
        } else {
            (event_loop.getattr("create_task")?, None)
        };
        let (done, exception) = (done.unbind(), exception.unbind());
        let coroutine_type = py.import("types")?.getattr("CoroutineType")?.unbind();
        let is_coroutine = py.import("asyncio")?.getattr("iscoroutine")?.unbind();
        let make = make.unbind();
        Ok(Self { make, keywords, done, exception, coroutine_type, is_coroutine })
    }

    /// The task of what the application's call gave: a coroutine, or anything that can be awaited.
    fn make<'py>(&self, given: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = given.py();
        let is_coroutine = self.is_coroutine.bind(py);
        let coroutine = if given.get_type().is(self.coroutine_type.bind(py))
            || call(is_coroutine, [&given])?.is_truthy()?
        {
            given
        } else {
            as_coroutine(&given)?
        };
        self.make.bind(py).call((coroutine,), self.keywords.as_ref().map(|given| given.bind(py)))
    }

    fn is_done(&self, task: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = task.py();
        if self.keywords.is_none() {
            return task.call_method0(intern!(py, "done"))?.is_truthy(); // a class of its own
        }
        call(self.done.bind(py), [task])?.is_truthy()
    }

    fn exception<'py>(&self, task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = task.py();
        if self.keywords.is_none() {
            return task.call_method0(intern!(py, "exception"));
        }
        call(self.exception.bind(py), [task])
    }
}

/// A coroutine that awaits `given`: a future, say, or an object with `__await__`.
fn as_coroutine<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = given.py();
    if !given.hasattr(intern!(py, "__await__"))? {
        let found = given.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "the application's call must give an awaitable, not {found}: \
             is it an 'async def', or a WSGI application (--interface wsgi)?"
        )));
    }
    py.import(intern!(py, "tricorn.worker.awaitable"))?
        .call_method1(intern!(py, "as_coroutine"), (given,))
}

/// The callback of a task that took more than its first step.
pub fn done<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    task: &Bound<'py, PyAny>,
    scope: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = core.py();
    core.get().tasks.bind(py).del_item(task)?;
    ended(core, target, task, scope)?;
    let mut state = core.get().state.get();
    state.deserted.ended(target);
    let conn = state.net.exchange(target.token, target.seq);
    if let Some(exchange) = conn.and_then(|conn| conn.exchange.as_mut()) {
        exchange.suspended = None; // its connection goes on without it
    }
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
    match core.get().task_maker.exception(task) {
        Ok(exception) if exception.is_none() => {
            ending::task_ended(core, target, false)?;
            returned(core, target, scope)
        }
        Ok(exception) => failed(core, target, &PyErr::from_value(exception), scope),
        Err(cancelled) => failed(core, target, &cancelled, scope),
    }
}

/// The application returned: was its response complete?
fn returned(core: &Bound<'_, AsgiCore>, target: Target, scope: &Bound<'_, PyAny>) -> PyResult<()> {
    let unfinished = {
        let mut state = core.get().state.get();
        state.net.call_ends(target.token, target.seq);
        let conn = state.net.exchange(target.token, target.seq);
        let found = conn.map(|conn| (conn.egress.response.is_waiting(), conn.is_gone()));
        if found.is_some_and(|(_, is_gone)| is_gone) {
            state.net.close_later(target.token); // it was told so, and nobody waits for the rest
        }
        found
    };
    match unfinished {
        None => Ok(()),
        Some((_, true)) => schedule_if_work(core),
        Some((waiting, false)) => {
            let what =
                if waiting { "without a response" } else { "before the response was complete" };
            core.get().hooks.bind(core.py()).call_method1(
                intern!(core.py(), "app_warning"),
                (format!("the application returned {what}"), scope),
            )?;
            overdue::answer(core, target)
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
        state.net.call_ends(target.token, target.seq);
        let is_open = state.net.websocket(target.token, target.seq).is_some();
        let conn = state.net.exchange(target.token, target.seq);
        !is_open && conn.is_none_or(|conn| conn.is_broken())
    };
    ending::task_ended(core, target, true)?;
    let ends =
        error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py);
    let told = if ends {
        keep_going(core, Err(error.clone_ref(py)))
    } else {
        let hooks = core.get().hooks.bind(py);
        hooks
            .call_method1(intern!(py, "app_error"), (exception_of(py, error), scope, gone))
            .map(drop)
    };
    // The client gets its answer, whatever became of the log.
    overdue::answer(core, target)?;
    told
}
