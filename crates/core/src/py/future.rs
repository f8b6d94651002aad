//! What a suspended `receive` or `send` waits for: a future that the reactor resolves in place.
//!
//! An `asyncio.Future` would cost a turn of the loop per wake-up. asyncio lets any object be
//! awaited that has `_asyncio_future_blocking` and the methods below (see `asyncio.isfuture`).

use std::cell::RefMut;

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::py::cell::OwnerCell;

enum Outcome {
    Pending,
    Value(Py<PyAny>),
    Error(PyErr),
    /// With the message of `cancel()`, by which anyio knows its own.
    Cancelled(Option<Py<PyAny>>),
}

struct Waiting {
    outcome: Outcome,
    /// (callback, context)
    callbacks: Vec<(Py<PyAny>, Option<Py<PyAny>>)>,
    blocking: bool,
}

#[pyclass(frozen, module = "tricorn._core")]
pub struct Waiter {
    event_loop: Py<PyAny>,
    state: OwnerCell<Waiting>,
}

/// Where the callbacks of a waiter run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Here and now: no task is running, since the reactor was called by the loop itself.
    InPlace,
    /// In the next turn of the loop.
    Soon,
}

impl Waiter {
    /// The state, for the thread of the waiter's loop; an error for others.
    fn own(&self) -> PyResult<RefMut<'_, Waiting>> {
        self.state.check_owner("an awaitable of receive() or send()")?;
        Ok(self.state.get())
    }

    pub fn new(event_loop: Py<PyAny>) -> Self {
        let state = Waiting { outcome: Outcome::Pending, callbacks: Vec::new(), blocking: false };
        Self { event_loop, state: OwnerCell::new(state) }
    }

    pub fn is_pending(&self) -> bool {
        matches!(self.state.get().outcome, Outcome::Pending)
    }

    pub fn set_blocking(&self, blocking: bool) {
        self.state.get().blocking = blocking;
    }

    /// The result, or the error to raise.
    pub fn outcome<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.told(py)? {
            Told::Value(value) => Ok(value),
            Told::Error(error) => Err(error),
            Told::Cancelled(message) => Err(cancelled(py, message.as_ref())),
        }
    }

    /// The outcome in references of its own, so that nothing is borrowed while Python runs.
    fn told<'py>(&self, py: Python<'py>) -> PyResult<Told<'py>> {
        match &self.own()?.outcome {
            Outcome::Value(value) => Ok(Told::Value(value.bind(py).clone())),
            Outcome::Error(error) => Ok(Told::Error(error.clone_ref(py))),
            Outcome::Cancelled(message) => {
                Ok(Told::Cancelled(message.as_ref().map(|message| message.clone_ref(py))))
            }
            Outcome::Pending => Err(PyRuntimeError::new_err("the result is not there yet")),
        }
    }
}

enum Told<'py> {
    Value(Bound<'py, PyAny>),
    Error(PyErr),
    Cancelled(Option<Py<PyAny>>),
}

fn cancelled(py: Python<'_>, message: Option<&Py<PyAny>>) -> PyErr {
    let made = (|| {
        let kind = py.import(intern!(py, "asyncio"))?.getattr(intern!(py, "CancelledError"))?;
        match message {
            Some(message) => kind.call1((message,)),
            None => kind.call0(),
        }
    })();
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Gives the waiter its outcome and wakes who waits. Errors are those of the callbacks: only
/// KeyboardInterrupt and SystemExit leave a task that way.
pub fn resolve(
    waiter: &Bound<'_, Waiter>,
    outcome: PyResult<Bound<'_, PyAny>>,
    wake: Wake,
) -> PyResult<()> {
    let outcome = match outcome {
        Ok(value) => Outcome::Value(value.unbind()),
        Err(error) => Outcome::Error(error),
    };
    settle(waiter, outcome, wake)
}

fn settle(waiter: &Bound<'_, Waiter>, outcome: Outcome, wake: Wake) -> PyResult<()> {
    let callbacks = {
        let mut state = waiter.get().state.get();
        if !matches!(state.outcome, Outcome::Pending) {
            return Ok(());
        }
        state.outcome = outcome;
        std::mem::take(&mut state.callbacks)
    };
    let mut result = Ok(());
    for (callback, context) in callbacks {
        result = result.and(run(waiter, callback, context, wake));
    }
    result
}

fn run(
    waiter: &Bound<'_, Waiter>,
    callback: Py<PyAny>,
    context: Option<Py<PyAny>>,
    wake: Wake,
) -> PyResult<()> {
    let py = waiter.py();
    match (wake, context) {
        (Wake::InPlace, Some(context)) => {
            context.bind(py).call_method1(intern!(py, "run"), (callback, waiter))?;
        }
        (Wake::InPlace, None) => {
            callback.bind(py).call1((waiter,))?;
        }
        (Wake::Soon, context) => call_soon(waiter, callback, context)?,
    }
    Ok(())
}

fn call_soon(
    waiter: &Bound<'_, Waiter>,
    callback: Py<PyAny>,
    context: Option<Py<PyAny>>,
) -> PyResult<()> {
    let py = waiter.py();
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "context"), context)?;
    let event_loop = waiter.get().event_loop.bind(py);
    event_loop.call_method(intern!(py, "call_soon"), (callback, waiter), Some(&keywords))?;
    Ok(())
}

#[pymethods]
impl Waiter {
    #[getter(_asyncio_future_blocking)]
    fn get_asyncio_future_blocking(&self) -> PyResult<bool> {
        Ok(self.own()?.blocking)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_asyncio_future_blocking(&self, blocking: bool) -> PyResult<()> {
        self.own()?.blocking = blocking;
        Ok(())
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    #[pyo3(signature = (callback, *, context=None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        callback: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let mut state = slf.get().own()?;
        if matches!(state.outcome, Outcome::Pending) {
            state.callbacks.push((callback, context));
            return Ok(());
        }
        drop(state);
        call_soon(slf, callback, context)
    }

    fn remove_done_callback(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        // Comparing may run Python, and may raise: nothing is borrowed, and nothing is taken out.
        let all: Vec<_> = self.own()?.callbacks.iter().map(|(one, _)| one.clone_ref(py)).collect();
        let mut equal = Vec::new();
        for one in all {
            if one.bind(py).eq(callback)? {
                equal.push(one);
            }
        }
        let removed = {
            let mut state = self.own()?;
            let all = std::mem::take(&mut state.callbacks);
            let is_equal = |one: &Py<PyAny>| equal.iter().any(|other| other.is(one));
            let (removed, kept): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|(one, _)| is_equal(one));
            state.callbacks = kept;
            removed
        };
        Ok(removed.len())
    }

    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        if !matches!(slf.get().own()?.outcome, Outcome::Pending) {
            return Ok(false);
        }
        settle(slf, Outcome::Cancelled(msg), Wake::Soon)?;
        Ok(true)
    }

    fn cancelled(&self) -> PyResult<bool> {
        Ok(matches!(self.own()?.outcome, Outcome::Cancelled(_)))
    }

    fn done(&self) -> PyResult<bool> {
        Ok(!matches!(self.own()?.outcome, Outcome::Pending))
    }

    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.outcome(py)
    }

    fn exception(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        match self.told(py)? {
            Told::Error(error) => Ok(Some(error)),
            Told::Value(_) => Ok(None),
            Told::Cancelled(message) => Err(cancelled(py, message.as_ref())),
        }
    }
}
