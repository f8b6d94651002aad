//! Sees who blocks: the runner of the reactor in a call that neither returns nor computes.
//!
//! A thread of its own that never touches Python. It ticks while requests flow and sleeps
//! otherwise. If the same call runs at two ticks and the runner's CPU clock has not moved between
//! them, the runner waits for something: the baton goes to a standby. A call that computes keeps
//! it, since the standby would have to wait for the interpreter anyway.
//!
//! While calls block often, each tick that nobody serves in counts: then ticks are short and exact.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tricorn_baton::{Baton, Ticket};

use tricorn_net::sys::{exact_timers, thread_clock, thread_cpu};

const TICK: Duration = Duration::from_millis(1);
/// Where calls were seen to block just now, the next one is noticed sooner: with 2 % of the calls
/// blocking, a tick of 1 ms leaves the reactor idle for half of the time.
const ALERT_TICK: Duration = Duration::from_micros(100);
/// Alert ticks after a take-over.
const ALERT: u32 = 1000;
/// Ticks without a call before the monitor sleeps.
const QUIET_TICKS: u32 = 100;
/// A runner that computes for less than this between two ticks, in microseconds, is blocked.
const IDLE_US: u64 = 20;

struct Shared {
    baton: Arc<Baton>,
    /// The CPU clock of the thread that runs the reactor.
    clock: AtomicI32,
    asleep: AtomicBool,
    stopped: Mutex<bool>,
    wake: Condvar,
}

pub struct Monitor {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// With one thread there is nobody to take over.
    needed: bool,
}

impl Monitor {
    pub fn new(baton: Arc<Baton>, threads: usize) -> Self {
        let shared = Arc::new(Shared {
            baton,
            clock: AtomicI32::new(0),
            asleep: AtomicBool::new(true),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
        });
        Self { shared, thread: Mutex::new(None), needed: threads > 1 }
    }

    /// Starts the thread with the first runner, so after any fork.
    pub fn register(&self) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if self.needed && thread.is_none() {
            let shared = self.shared.clone();
            let named = std::thread::Builder::new().name("tricorn-monitor".into());
            // Without a monitor, calls that block hold the others up, but nothing is lost.
            *thread = named.spawn(move || shared.watch()).ok();
        }
    }

    /// A call is about to be made by this thread.
    pub fn wake(&self) {
        if !self.needed {
            return;
        }
        self.shared.clock.store(thread_clock(), Ordering::Relaxed);
        if self.shared.asleep.load(Ordering::SeqCst) {
            let _line = self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.asleep.store(false, Ordering::SeqCst);
            self.shared.wake.notify_one();
        }
    }

    /// Ends the thread.
    pub fn stop(&self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It only panics if it was made to, and is of no more use then.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn watch(&self) {
        exact_timers();
        let mut seen: Option<(Ticket, u64)> = None;
        let mut quiet = 0;
        let mut alert = 0_u32;
        loop {
            quiet = if self.baton.current().is_some() { 0 } else { quiet + 1 };
            alert = alert.saturating_sub(1);
            let tick = if alert > 0 { ALERT_TICK } else { TICK };
            if !self.rest((quiet <= QUIET_TICKS).then_some(tick)) {
                return;
            }
            let Some(ticket) = self.baton.current() else {
                seen = None;
                continue;
            };
            let cpu = thread_cpu(self.clock.load(Ordering::Relaxed));
            match seen {
                Some((before, then)) if before == ticket => {
                    let blocked = cpu.saturating_sub(then) < IDLE_US;
                    if blocked && self.baton.steal(ticket) {
                        alert = ALERT;
                    }
                    seen = Some((ticket, cpu));
                }
                _ => seen = Some((ticket, cpu)),
            }
        }
    }

    /// Waits for a tick, or without one for the next call; false when it is time to end.
    fn rest(&self, tick: Option<Duration>) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if *stopped {
            return false;
        }
        if let Some(tick) = tick {
            let waited = self.wake.wait_timeout(stopped, tick);
            return !*waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.asleep.store(true, Ordering::SeqCst);
        if self.baton.current().is_some() {
            // A call began just now and may not have seen that we sleep.
            self.asleep.store(false, Ordering::SeqCst);
            return true;
        }
        let awake = self
            .wake
            .wait_while(stopped, |stopped| !*stopped && self.asleep.load(Ordering::SeqCst));
        !*awake.unwrap_or_else(PoisonError::into_inner)
    }
}
