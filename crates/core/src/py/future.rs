//! What a suspended `receive` or `send` waits for: a future that the reactor resolves in place.
//!
//! An `asyncio.Future` would cost a turn of the loop per wake-up. asyncio lets any object be
//! awaited that has `_asyncio_future_blocking` and the methods below (see `asyncio.isfuture`).

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

struct State {
    outcome: Outcome,
    /// (callback, context)
    callbacks: Vec<(Py<PyAny>, Option<Py<PyAny>>)>,
    blocking: bool,
}

#[pyclass(frozen, module = "tricorn._core")]
pub struct Waiter {
    event_loop: Py<PyAny>,
    state: OwnerCell<State>,
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
    pub fn new(event_loop: Py<PyAny>) -> Self {
        let state = State { outcome: Outcome::Pending, callbacks: Vec::new(), blocking: false };
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
        match &self.state.get().outcome {
            Outcome::Value(value) => Ok(value.bind(py).clone()),
            Outcome::Error(error) => Err(error.clone_ref(py)),
            Outcome::Cancelled(message) => Err(cancelled(py, message.as_ref())),
            Outcome::Pending => Err(PyRuntimeError::new_err("the result is not there yet")),
        }
    }
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
    fn get_asyncio_future_blocking(&self) -> bool {
        self.state.get().blocking
    }

    #[setter(_asyncio_future_blocking)]
    fn set_asyncio_future_blocking(&self, blocking: bool) {
        self.set_blocking(blocking);
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
        if slf.get().is_pending() {
            slf.get().state.get().callbacks.push((callback, context));
            return Ok(());
        }
        call_soon(slf, callback, context)
    }

    fn remove_done_callback(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        let all = std::mem::take(&mut self.state.get().callbacks);
        let before = all.len();
        let mut kept = Vec::new();
        for (one, context) in all {
            if !one.bind(py).eq(callback)? {
                kept.push((one, context));
            }
        }
        let removed = before - kept.len();
        self.state.get().callbacks.extend(kept);
        Ok(removed)
    }

    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        if !slf.get().is_pending() {
            return Ok(false);
        }
        settle(slf, Outcome::Cancelled(msg), Wake::Soon)?;
        Ok(true)
    }

    fn cancelled(&self) -> bool {
        matches!(self.state.get().outcome, Outcome::Cancelled(_))
    }

    fn done(&self) -> bool {
        !self.is_pending()
    }

    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.outcome(py)
    }

    fn exception(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        match &self.state.get().outcome {
            Outcome::Error(error) => Ok(Some(error.clone_ref(py))),
            Outcome::Value(_) => Ok(None),
            Outcome::Cancelled(message) => Err(cancelled(py, message.as_ref())),
            Outcome::Pending => Err(PyRuntimeError::new_err("the result is not there yet")),
        }
    }
}
