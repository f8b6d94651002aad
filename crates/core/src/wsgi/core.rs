//! The object that Python drives, and the loop that each of its threads runs.

use std::any::Any;
use std::os::fd::RawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use tricorn_baton::Baton;

use super::begin::{self, Wsgi};
use super::call;
use super::calls::{self, Calls, HeldCall};
use super::environ::Environs;
use super::monitor::Monitor;
use super::routes::Routes;
use crate::py::call::bug;
use crate::py::exception_of;
use crate::scoreboard::{stats, too_late, Scoreboard};
use tricorn_net::access::AccessLog;
use tricorn_net::scoreboard::Slot;
use tricorn_net::{sys, Net, Poller, Step, Token};

/// The WSGI reactor. `run` is for as many threads as were announced; the rest for any thread.
#[pyclass(frozen, weakref, module = "tricorn._core")]
pub struct WsgiCore {
    pub app: Py<PyAny>,
    pub hooks: Py<PyAny>,
    net: Mutex<Net<Wsgi>>,
    /// Locked only by who holds the baton.
    poller: Mutex<Poller>,
    pub environs: Mutex<Environs>,
    pub baton: Arc<Baton>,
    pub routes: Routes,
    monitor: Monitor,
    pub calls: Calls,
    /// Where the supervisor looks for the beat; the reactor has it too, behind its lock.
    slot: OnceLock<Slot>,
    /// This process is a forked child: the reactor is the parent's.
    abandoned: AtomicBool,
    /// Calls of the application that have not returned.
    pub running: AtomicUsize,
    pub threads: usize,
}

/// A thread that waits for its client shows so often that it does not hang: `--timeout` may be a second.
pub const BEAT_MS: u64 = 250;

/// Whether the thread still runs the reactor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    Kept,
    Lost,
}

#[pymethods]
impl WsgiCore {
    #[new]
    fn new(
        py: Python<'_>,
        app: Py<PyAny>,
        config: &Bound<'_, PyAny>,
        hooks: Py<PyAny>,
        threads: usize,
    ) -> PyResult<Self> {
        let settings = crate::settings::read(config)?;
        let calls = Calls::new(settings.times_requests);
        let environs = Environs::new(py, &settings, threads > 1)?;
        let (poller, mut net) = Net::new(settings)?;
        net.reads_first = true;
        net.open_batch(true);
        let baton = Arc::new(Baton::new());
        Ok(Self {
            app,
            hooks,
            net: Mutex::new(net),
            poller: Mutex::new(poller),
            environs: Mutex::new(environs),
            monitor: Monitor::new(baton.clone(), threads),
            calls,
            baton,
            routes: Routes::new(),
            slot: OnceLock::new(),
            abandoned: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            threads,
        })
    }

    /// Counts and beats in the slot of that number from now on; before `listen()` and `run()`.
    fn attach(&self, scoreboard: &Scoreboard, number: usize) -> PyResult<()> {
        let slot = scoreboard.row(number)?;
        let attached = self.net().attach(slot.clone()) && self.slot.set(slot).is_ok();
        attached.then_some(()).ok_or_else(too_late)
    }

    /// Measures how long work waits, for `Slot.read()["queue_age"]`; before `run()`.
    fn measure(&self) -> PyResult<()> {
        let poller = self.poller.lock().unwrap_or_else(PoisonError::into_inner).fd();
        Ok(self.net().measure(poller)?)
    }

    /// Accepts on the non-blocking listening socket `fd`; `server` is its (host, port), as str.
    /// `own` says that other workers have sockets of their own at its address. If `private`,
    /// connections are the server's own: plain even if there is a certificate, and through no proxy.
    #[pyo3(signature = (fd, server, tcp, own=false, *, private=false))]
    fn listen(
        &self,
        py: Python<'_>,
        fd: RawFd,
        server: (String, String),
        tcp: bool,
        own: bool,
        private: bool,
    ) -> PyResult<()> {
        self.lock_environs().add_listener(py, &server.0, &server.1)?;
        self.net().listen(fd, tcp, own, private)?;
        Ok(())
    }

    /// Accepts on `fd` and sends whoever comes to `port`, over HTTPS; after all `listen()`.
    fn redirect(&self, fd: RawFd, own: bool, port: u16) -> PyResult<()> {
        Ok(self.net().listen_to_redirect(fd, own, port)?)
    }

    /// Writes access lines in `format` to a copy of `fd`, but for requests of the paths `exclude`.
    fn access_log(&self, fd: RawFd, format: &str, exclude: Vec<String>) -> PyResult<()> {
        let file = sys::duplicate(fd)?;
        let mut net = self.net();
        let has_ids = net.settings.proxy.request_ids;
        let before = net.access.take();
        net.access = Some(AccessLog::new(file, format, exclude, has_ids).after(before));
        Ok(())
    }

    /// Writes the last access lines; says how many are lost.
    fn finish_access_log(&self) -> Option<String> {
        self.net().access.as_mut()?.finish()
    }

    /// Serves until `stop()`; one thread at a time runs the reactor, the others stand by.
    fn run(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.monitor.register();
        this.calls.register(py)?;
        while py.detach(|| this.baton.wait_for()) {
            if this.lead(slf)? == Hold::Kept {
                this.baton.release();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Not ready any more, for whoever asks (`--health-path`); serves on.
    fn announce_stop(&self) {
        self.net().slot().server().announce_stop();
    }

    /// Stops listening, closes idle connections, ends the others after their response; if
    /// `patient`, idle ones get one more response.
    #[pyo3(signature = (*, patient=false))]
    fn drain(&self, patient: bool) {
        let mut net = self.net();
        net.drain(patient);
        net.wake();
    }

    /// Closes every connection at once and sends the threads away.
    fn stop(slf: &Bound<'_, Self>) {
        let this = slf.get();
        let exchanges = this.net().close_all();
        for suspended in exchanges.into_iter().filter_map(|exchange| exchange.suspended) {
            call::close_suspended(slf, suspended);
        }
        this.baton.stop();
        slf.py().detach(|| this.monitor.stop());
        this.net().wake();
    }

    /// In a forked child: lets go of everything without touching what the parent still uses.
    fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
        // Another thread of the parent may have held the lock when it forked: then it stays held.
        // What is kept for the application is the parent's too: no finalizer runs for it here.
        let exchanges = self.net.try_lock().ok().map(|mut net| net.abandon());
        std::mem::forget(exchanges);
    }

    /// (open connections, calls of the application that run)
    fn pending(&self) -> (usize, usize) {
        (self.net().open(), self.running.load(Ordering::Relaxed))
    }

    /// (number, thread, environ, seconds) of each call that runs, if an account is kept of them.
    fn in_flight<'py>(&self, py: Python<'py>) -> Vec<HeldCall<'py>> {
        self.calls.in_flight(py)
    }

    /// Raises `error` in the thread of a call; false if it has ended or waits for its client.
    fn interrupt(&self, number: u64, error: &Bound<'_, PyType>) -> bool {
        self.calls.interrupt(number, error)
    }

    /// Answers 504 in place of a call that does not end, or cuts its connection.
    fn give_up(&self, number: u64) {
        calls::give_up(self, number);
    }

    /// Counters since the start.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let slot = self.net().slot().clone();
        stats(py, &slot)
    }
}

impl WsgiCore {
    /// The reactor. Never keep the guard across a call into Python.
    pub fn net(&self) -> MutexGuard<'_, Net<Wsgi>> {
        // After a panic the connection at fault is cut; the rest of the reactor is sound.
        self.net.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn lock_environs(&self) -> MutexGuard<'_, Environs> {
        self.environs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The application has let go. If it has forked, and this is the child, the process ends here.
    pub fn check_forked(&self, py: Python<'_>, raised: Option<&PyErr>) {
        if self.abandoned.load(Ordering::Relaxed) {
            let hooks = self.hooks.bind(py);
            let error = raised.map(|raised| exception_of(py, raised));
            if let Err(error) = hooks.call_method1(intern!(py, "forked"), (error,)) {
                error.write_unraisable(py, Some(hooks));
            }
        }
    }

    /// Tells the monitor that there are calls to watch.
    pub fn watch(&self) {
        self.monitor.wake();
    }

    /// The beat: for who runs the reactor, with the interpreter held, so that a thread which keeps
    /// the interpreter is seen to hold everybody up. It stands still while the reactor's thread is
    /// in a call and nobody has taken over.
    pub fn beat(&self) {
        if let Some(slot) = self.slot.get() {
            slot.alive();
        }
    }

    /// A call has got on with its client, which may take its time: that is no hang.
    pub fn goes_on(&self) {
        if let Some(slot) = self.slot.get() {
            slot.goes_on();
        }
    }

    /// Runs the reactor until the baton is lost or the server stops.
    fn lead(&self, slf: &Bound<'_, Self>) -> PyResult<Hold> {
        self.beat();
        self.net().release_left(); // whoever led before may have left in the middle of a call
        loop {
            if self.baton.is_stopped() || self.abandoned.load(Ordering::Relaxed) {
                return Ok(Hold::Kept);
            }
            self.collect(slf.py())?;
            loop {
                // Its own statement: the guard must be gone before the connection is served.
                let token = self.net().next_runnable();
                let Some(token) = token else { break };
                if self.serve(slf, token) == Hold::Lost {
                    return Ok(Hold::Lost);
                }
            }
            let complaint = {
                let mut net = self.net();
                net.release();
                net.flush_lines();
                net.complaint.take()
            };
            if let Some(text) = complaint {
                self.warn(slf.py(), &text);
            }
            self.report_idle(slf.py())?;
        }
    }

    /// Waits for events: at first without letting the interpreter go, then for as long as it takes.
    fn collect(&self, py: Python<'_>) -> PyResult<()> {
        // Only the holder of the baton gets here, so the lock is always free.
        let poller = || self.poller.lock().unwrap_or_else(PoisonError::into_inner);
        let found = poller().wait(Some(Duration::ZERO))?;
        if found == 0 && !self.net().has_work() {
            py.detach(|| self.wait(&mut poller()))?;
            py.check_signals()?;
        }
        self.beat();
        self.net().take(&poller());
        Ok(())
    }

    /// Waits for as long as it takes: who waits for events can't hang.
    fn wait(&self, poller: &mut Poller) -> std::io::Result<usize> {
        if let Some(slot) = self.slot.get() {
            slot.free();
        }
        let found = poller.wait(None);
        self.beat(); // to have the interpreter back may take for ever
        found
    }

    fn serve(&self, slf: &Bound<'_, Self>, token: Token) -> Hold {
        let outcome = catch_unwind(AssertUnwindSafe(|| advance(slf, token)));
        match outcome {
            Ok(Ok(hold)) => hold,
            Ok(Err(error)) => {
                self.warn(slf.py(), &format!("unexpected error: {error}"));
                let exchange = self.net().cut(token);
                drop(exchange);
                Hold::Kept
            }
            Err(panic) => {
                self.cut_after(slf, token, &panic);
                Hold::Kept
            }
        }
    }

    /// Cuts the connection at which the core has panicked, and says so.
    pub fn cut_after(&self, slf: &Bound<'_, Self>, token: Token, panic: &Box<dyn Any + Send>) {
        // What has panicked may do so again as it is put away: then it is left as it is.
        let cut = catch_unwind(AssertUnwindSafe(|| drop(self.net().cut(token))));
        if cut.is_err() {
            self.net().leave(token);
        }
        self.warn(slf.py(), &bug(panic));
    }

    /// A line for the error log.
    pub fn warn(&self, py: Python<'_>, text: &str) {
        let hooks = self.hooks.bind(py);
        if let Err(error) = hooks.call_method1(intern!(py, "warning"), (text,)) {
            error.write_unraisable(py, Some(hooks));
        }
    }

    /// While draining, tells Python when the last connection and the last call have gone.
    pub fn report_idle(&self, py: Python<'_>) -> PyResult<()> {
        let idle = {
            let net = self.net();
            net.is_draining() && net.open() == 0
        };
        if idle && self.running.load(Ordering::Relaxed) == 0 {
            self.hooks.bind(py).call_method0(intern!(py, "idle"))?;
        }
        Ok(())
    }
}

/// Takes one connection as far as it goes.
fn advance(core: &Bound<'_, WsgiCore>, token: Token) -> PyResult<Hold> {
    let this = core.get();
    loop {
        let step = this.net().step(token);
        let ready = match step {
            Step::Idle | Step::Again => return Ok(Hold::Kept),
            Step::Head(head) => begin::begin(core, token, head)?,
            Step::Body => begin::gather(this, token),
            Step::Drained => {
                if call::resume(core, token)? == Hold::Lost {
                    return Ok(Hold::Lost);
                }
                None
            }
            Step::Stalled(reject) => {
                let exchange = begin::stalled(this, token, reject);
                drop(exchange);
                None
            }
            Step::Closed(exchange) => {
                let suspended = exchange.and_then(|exchange| exchange.suspended);
                return Ok(suspended.map_or(Hold::Kept, |one| call::abandon(core, one)));
            }
        };
        if let Some(request) = ready {
            if call::run(core, request)? == Hold::Lost {
                return Ok(Hold::Lost);
            }
        }
    }
}
