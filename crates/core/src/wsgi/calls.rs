//! Which calls of the application run, in which thread and for how long. Kept only if one may take
//! too long (`--slow-request`, `--request-timeout`); otherwise nothing here costs anything.
//!
//! **An exception must never hit the next request of its thread.** CPython keeps one pending
//! exception for each thread and raises it at the next bytecode, whatever that belongs to. So:
//!
//! 1. It is set only for a call that is in the list, with the list locked.
//! 2. A call leaves the list in its own thread and with the interpreter held, after the last
//!    bytecode of the application for it; and if an exception was set for it, the pending one is
//!    taken back there. Nothing between the two can run Python.
//!
//! To set it, and to leave, the interpreter is needed, so one comes before the other. Set before: it
//! was raised in the call, or it is taken back. Left before: it is not set any more.

use std::cell::Cell;
use std::ffi::c_ulong;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::core::WsgiCore;
use crate::py::interrupt;
use tricorn_net::spent::TOO_LONG;
use tricorn_net::Target;

thread_local! {
    /// This thread as Python calls it.
    static THREAD: Cell<c_ulong> = const { Cell::new(0) };
}

/// A request's number, and how long its earlier calls took: that of an iterable that was put aside
/// goes on with these.
#[derive(Clone, Copy, Default)]
pub struct Account {
    number: u64,
    spent: Duration,
}

struct Call {
    account: Account,
    target: Target,
    thread: c_ulong,
    environ: Py<PyDict>,
    /// Later by all waits for the client that are over.
    begun: Instant,
    /// Since when it waits for its client, which has timeouts of its own.
    paused: Option<Instant>,
    /// An exception was set for it.
    interrupted: bool,
}

#[derive(Default)]
struct List {
    last: u64,
    running: Vec<Call>,
}

pub struct Calls {
    kept: bool,
    list: Mutex<List>,
}

/// (number, thread, environ, seconds) of a call.
pub type HeldCall<'py> = (u64, c_ulong, Bound<'py, PyDict>, f64);

impl Call {
    fn spent(&self) -> Duration {
        let now = self.paused.unwrap_or_else(Instant::now);
        self.account.spent + now.saturating_duration_since(self.begun)
    }
}

impl List {
    fn find(&mut self, number: u64) -> Option<&mut Call> {
        self.running.iter_mut().find(|call| call.account.number == number)
    }
}

impl Calls {
    pub fn new(kept: bool) -> Self {
        Self { kept, list: Mutex::default() }
    }

    /// Notes which thread this is, before it makes calls.
    pub fn register(&self, py: Python<'_>) -> PyResult<()> {
        if self.kept {
            let threading = py.import(intern!(py, "threading"))?;
            THREAD.set(threading.call_method0(intern!(py, "get_ident"))?.extract()?);
        }
        Ok(())
    }

    /// A call begins in this thread; it ends with the guard at the latest.
    pub fn begin<'a, 'py>(
        &'a self,
        target: Target,
        environ: &Bound<'py, PyDict>,
        account: Account,
    ) -> Running<'a, 'py> {
        let py = environ.py();
        if !self.kept {
            return Running { calls: self, py, number: 0 };
        }
        let environ = environ.clone().unbind();
        let mut list = self.lock();
        let mut account = account;
        if account.number == 0 {
            list.last += 1;
            account.number = list.last;
        }
        let number = account.number;
        let (thread, begun) = (THREAD.get(), Instant::now());
        list.running.push(Call {
            account,
            target,
            thread,
            environ,
            begun,
            paused: None,
            interrupted: false,
        });
        Running { calls: self, py, number }
    }

    /// The call of this request waits for its client until the guard goes.
    pub fn pause(&self, target: Target) -> Pause<'_> {
        self.set_paused(target, Some(Instant::now()));
        Pause { calls: self, target }
    }

    fn set_paused(&self, target: Target, since: Option<Instant>) {
        if !self.kept {
            return;
        }
        let mut list = self.lock();
        let same =
            |call: &&mut Call| call.target.token == target.token && call.target.seq == target.seq;
        if let Some(call) = list.running.iter_mut().find(same) {
            if let Some(before) = std::mem::replace(&mut call.paused, since) {
                call.begun += before.elapsed();
            }
        }
    }

    pub fn in_flight<'py>(&self, py: Python<'py>) -> Vec<HeldCall<'py>> {
        let held = |call: &Call| {
            let environ = call.environ.clone_ref(py).into_bound(py);
            (call.account.number, call.thread, environ, call.spent().as_secs_f64())
        };
        self.lock().running.iter().map(held).collect()
    }

    /// Sets `error` in the thread of a call; false if it has ended or waits for its client.
    pub fn interrupt(&self, number: u64, error: &Bound<'_, PyType>) -> bool {
        let mut list = self.lock();
        let Some(call) = list.find(number).filter(|call| call.paused.is_none()) else {
            return false;
        };
        let set = interrupt::set(call.thread, error);
        call.interrupted |= set;
        set
    }

    fn target(&self, number: u64) -> Option<Target> {
        self.lock().find(number).map(|call| call.target)
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers in place of a call that does not end: 504, or a cut if bytes are out already.
pub fn give_up(core: &WsgiCore, number: u64) {
    let Some(target) = core.calls.target(number) else { return };
    let exchange = {
        let mut net = core.net();
        net.touch();
        let Some(conn) = net.exchange(target.token, target.seq) else { return };
        if conn.egress.response.is_done() {
            return; // it has just come
        }
        let exchange = net.answer_or_cut(target.token, 504, TOO_LONG);
        net.flush_lines();
        net.wake();
        exchange
    };
    drop(exchange);
}

/// A call that runs in this thread.
pub struct Running<'a, 'py> {
    calls: &'a Calls,
    py: Python<'py>,
    /// 0 when it has ended, or when no account is kept.
    number: u64,
}

impl Running<'_, '_> {
    /// Was an exception set for this call?
    pub fn is_interrupted(&self) -> bool {
        self.number != 0 && self.calls.lock().find(self.number).is_some_and(|call| call.interrupted)
    }

    /// The application's part is over: from here on no exception comes.
    pub fn end(&mut self) -> Account {
        let number = std::mem::take(&mut self.number);
        if number == 0 {
            return Account::default();
        }
        let call = {
            let mut list = self.calls.lock();
            let at = list.running.iter().position(|call| call.account.number == number);
            at.map(|at| list.running.swap_remove(at))
        };
        let Some(call) = call else { return Account::default() };
        if call.interrupted {
            interrupt::take_back(self.py, call.thread);
        }
        Account { number, spent: call.spent() }
    }
}

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// A call that waits for its client.
pub struct Pause<'a> {
    calls: &'a Calls,
    target: Target,
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.calls.set_paused(self.target, None);
    }
}
