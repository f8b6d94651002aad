//! The object that Python drives: one reactor, one event loop, one application.

use std::os::fd::RawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::drive;
use super::exchange::Asgi;
use super::overdue::{self, Deserted, HeldTask};
use super::scope::Scopes;
use super::task::TaskMaker;
use super::websocket::ending::Rests;
use crate::py::call::bug;
use crate::py::cell::OwnerCell;
use crate::py::exception_of;
use crate::py::handle::request_of;
use crate::scoreboard::{stats, too_late, Scoreboard};
use tricorn_net::access::AccessLog;
use tricorn_net::{sys, Net, Poller};

/// A poll ends after this time, so that timers and other tasks of the loop get their turn.
const LONGEST_POLL: Duration = Duration::from_millis(1);
/// … or after this many calls of the application.
pub const MOST_CALLS: usize = 64;

pub struct State {
    pub net: Net<Asgi>,
    pub deserted: Deserted,
    pub rests: Rests,
    /// The loop is inside `poll`: nothing has to be scheduled, and waiters may run in place.
    pub in_poll: bool,
    /// Polls that run within each other.
    polls: u32,
    /// A `call_soon(poll)` is on its way.
    scheduled: bool,
}

/// The ASGI reactor. All methods are for the event loop's thread.
#[pyclass(frozen, weakref, module = "tricorn._core")]
pub struct AsgiCore {
    pub state: OwnerCell<State>,
    poller: OwnerCell<Poller>,
    /// Apart from the state: making Python objects may run the garbage collector, and with it
    /// finalizers that send.
    pub scopes: OwnerCell<Scopes>,
    pub app: Py<PyAny>,
    pub event_loop: Py<PyAny>,
    /// Gets `app_error`, `warning` and `idle` calls.
    pub hooks: Py<PyAny>,
    pub task_maker: TaskMaker,
    /// The context that `poll` is scheduled in: that of whoever happens to schedule it would leak
    /// from one request into the next.
    context: Py<PyAny>,
    /// This process is a forked child: the reactor is the parent's.
    abandoned: AtomicBool,
    /// Tasks that did not end in their first step, each with the callback that waits for its end;
    /// asyncio itself keeps only weak references.
    pub tasks: Py<PyDict>,
}

#[pymethods]
impl AsgiCore {
    #[new]
    #[pyo3(signature = (app, event_loop, config, hooks, *, extensions, state=None))]
    fn new(
        py: Python<'_>,
        app: Py<PyAny>,
        event_loop: Bound<'_, PyAny>,
        config: &Bound<'_, PyAny>,
        hooks: Py<PyAny>,
        extensions: Bound<'_, PyDict>,
        state: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let mut settings = crate::settings::read(config)?;
        settings.http2.iter_mut().for_each(|limits| limits.connect = true);
        let scopes = Scopes::new(py, &settings, &extensions, state.as_ref())?;
        let task_maker = TaskMaker::new(&event_loop)?;
        let (poller, mut net) = Net::new(settings)?;
        net.gathered.corks = true;
        Ok(Self {
            state: OwnerCell::new(State {
                net,
                deserted: Deserted::default(),
                rests: Rests::default(),
                in_poll: false,
                polls: 0,
                scheduled: false,
            }),
            poller: OwnerCell::new(poller),
            scopes: OwnerCell::new(scopes),
            app,
            event_loop: event_loop.unbind(),
            hooks,
            task_maker,
            context: py.import("contextvars")?.call_method0("copy_context")?.unbind(),
            abandoned: AtomicBool::new(false),
            tasks: PyDict::new(py).unbind(),
        })
    }

    /// Counts in the slot of that number from now on; before `listen()`.
    fn attach(&self, scoreboard: &Scoreboard, number: usize) -> PyResult<()> {
        let slot = scoreboard.row(number)?;
        self.state.get().net.attach(slot).then_some(()).ok_or_else(too_late)
    }

    /// Measures how long work waits, for `Slot.read()["queue_age"]`.
    fn measure(&self) -> PyResult<()> {
        let poller = self.fileno();
        Ok(self.state.get().net.measure(poller)?)
    }

    /// Accepts on the non-blocking listening socket `fd`; `server` is its (host, port).
    /// `own` says that other workers have sockets of their own at its address. If `private`,
    /// connections are the server's own: plain even if there is a certificate, and through no proxy.
    #[pyo3(signature = (fd, server, tcp, own=false, *, private=false))]
    fn listen(
        &self,
        py: Python<'_>,
        fd: RawFd,
        server: Bound<'_, PyAny>,
        tcp: bool,
        own: bool,
        private: bool,
    ) -> PyResult<()> {
        self.scopes.get().add_listener(py, server)?;
        self.state.get().net.listen(fd, tcp, own, private)?;
        Ok(())
    }

    /// Accepts on `fd` and sends whoever comes to `port`, over HTTPS; after all `listen()`.
    fn redirect(&self, fd: RawFd, own: bool, port: u16) -> PyResult<()> {
        Ok(self.state.get().net.listen_to_redirect(fd, own, port)?)
    }

    /// Writes access lines in `format` to a copy of `fd`, but for requests of the paths `exclude`.
    fn access_log(&self, fd: RawFd, format: &str, exclude: Vec<String>) -> PyResult<()> {
        let file = sys::duplicate(fd)?;
        let net = &mut self.state.get().net;
        let has_ids = net.settings.proxy.request_ids;
        let before = net.access.take();
        net.access = Some(AccessLog::new(file, format, exclude, has_ids).after(before));
        Ok(())
    }

    /// Writes the last access lines; says how many are lost.
    fn finish_access_log(&self) -> Option<String> {
        self.state.get().net.access.as_mut()?.finish()
    }

    fn fileno(&self) -> RawFd {
        self.poller.get().fd()
    }

    /// Does what there is to do, within a budget; the loop calls it when `fileno()` is readable.
    pub fn poll(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().is_abandoned() {
            return Ok(());
        }
        slf.get().state.check_owner("poll()")?;
        {
            let mut state = slf.get().state.get();
            state.scheduled = false;
            // If this is a nested run of the loop (nest_asyncio), the outer poll is suspended in a
            // call: what comes now is done here, and what is done meanwhile schedules a poll.
            state.in_poll = true;
            state.polls += 1;
            state.net.open_batch(true);
        }
        let outcome = contained(slf, || run(slf));
        if slf.get().is_abandoned() {
            return Ok(());
        }
        {
            let mut state = slf.get().state.get();
            state.in_poll = false;
            state.polls -= 1;
        }
        contained(slf, || {
            let mut state = slf.get().state.get();
            state.net.open_batch(false);
            state.net.uncork();
            state.net.release();
            state.net.flush_lines();
            Ok(())
        })?;
        let complaint = slf.get().state.get().net.complaint.take();
        if let Some(text) = complaint {
            drive::warn(slf, &text);
        }
        if slf.get().state.get().net.has_work() {
            schedule(slf)?;
        }
        // However far it came: the last connection may have gone when the time was up.
        outcome.and(drive::report_idle(slf))
    }

    /// Not ready any more, for whoever asks (`--health-path`); serves on.
    fn announce_stop(&self) {
        self.state.get().net.slot().server().announce_stop();
    }

    /// Stops listening, closes idle connections, ends the others after their response; if
    /// `patient`, idle ones get one more response.
    #[pyo3(signature = (*, patient=false))]
    fn drain(slf: &Bound<'_, Self>, patient: bool) -> PyResult<()> {
        slf.get().state.get().net.drain(patient);
        schedule(slf)
    }

    /// Cancels the tasks of all requests.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        for (task, callback) in self.tasks.bind(py).iter().collect::<Vec<_>>() {
            if let Some((target, _)) = request_of(&callback) {
                overdue::cut_off(&mut self.state.get(), target);
            }
            task.call_method0(intern!(py, "cancel"))?;
        }
        Ok(())
    }

    /// (task, scope, seconds) of each request whose task has not ended; None once it has responded.
    fn in_flight<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<HeldTask<'py>>> {
        slf.get().state.check_owner("in_flight()")?;
        Ok(overdue::in_flight(slf))
    }

    /// From now on, if the task ends without a response, the answer is 504.
    fn time_out(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        overdue::time_out(slf, task)
    }

    /// Answers 504 in place of a task that does not end, or cuts its connection.
    fn give_up(slf: &Bound<'_, Self>, task: &Bound<'_, PyAny>) -> PyResult<()> {
        overdue::give_up(slf, task)
    }

    /// Closes every connection at once.
    fn close(&self) {
        let exchanges = self.state.get().net.close_all();
        drop(exchanges);
    }

    /// In a forked child: lets go of everything without touching what the parent still uses.
    fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        // What it keeps for the application is the parent's too: no finalizer runs for it here.
        let exchanges = self.state.inherit().map(|mut state| state.net.abandon());
        std::mem::forget(exchanges);
    }

    /// (open connections, requests whose task has not ended)
    fn pending(&self, py: Python<'_>) -> (usize, usize) {
        (self.state.get().net.open(), self.tasks.bind(py).len())
    }

    /// Counters since the start.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let slot = self.state.get().net.slot().clone();
        stats(py, &slot)
    }
}

impl AsgiCore {
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }
}

/// The application has let go. If it has forked, and this is the child, the process ends here.
pub fn check_forked(core: &Bound<'_, AsgiCore>, raised: Option<&PyErr>) -> PyResult<()> {
    if core.get().is_abandoned() {
        let py = core.py();
        let error = raised.map(|raised| exception_of(py, raised));
        core.get().hooks.bind(py).call_method1(intern!(py, "forked"), (error,))?;
    }
    Ok(())
}

/// Does a part of a poll; a panic in it is told, and ends nothing else.
fn contained(core: &Bound<'_, AsgiCore>, part: impl FnOnce() -> PyResult<()>) -> PyResult<()> {
    catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|panic| {
        drive::warn(core, &bug(&panic));
        Ok(())
    })
}

/// Makes the loop call `poll` in its next turn, unless it will anyway.
pub fn schedule(core: &Bound<'_, AsgiCore>) -> PyResult<()> {
    let py = core.py();
    if core.get().is_abandoned() {
        return Ok(());
    }
    let is_nested = {
        let mut state = core.get().state.get();
        if state.in_poll || std::mem::replace(&mut state.scheduled, true) {
            return Ok(());
        }
        state.polls > 0
    };
    let poll = core.getattr(intern!(py, "poll"))?;
    let this = core.get();
    let mut context = this.context.bind(py).clone();
    if is_nested {
        context = context.call_method0(intern!(py, "copy"))?; // it may be entered once only
    }
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "context"), context)?;
    this.event_loop.bind(py).call_method(intern!(py, "call_soon"), (poll,), Some(&keywords))?;
    Ok(())
}

fn run(core: &Bound<'_, AsgiCore>) -> PyResult<()> {
    let start = Instant::now();
    let mut calls = 0;
    loop {
        if core.get().is_abandoned() {
            return Ok(());
        }
        // What an earlier poll left over comes before new events are asked for.
        let leftover = core.get().state.get().net.has_leftover();
        let more = leftover || {
            let mut poller = core.get().poller.get();
            poller.wait(Some(Duration::ZERO))?;
            core.get().state.get().net.take(&poller)
        };
        loop {
            let Some(token) = core.get().state.get().net.next_runnable() else { break };
            let outcome = catch_unwind(AssertUnwindSafe(|| drive::advance(core, token)));
            match outcome {
                Ok(result) => calls += result?,
                Err(panic) => {
                    let exchange = core.get().state.get().net.cut(token);
                    drop(exchange);
                    drive::warn(core, &bug(&panic));
                }
            }
            if calls >= MOST_CALLS || start.elapsed() > LONGEST_POLL {
                return Ok(()); // events left over keep the poller readable
            }
        }
        core.get().state.get().net.release();
        if !more && !core.get().state.get().net.has_work() {
            return Ok(());
        }
    }
}
