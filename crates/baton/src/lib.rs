//! The baton: which of several threads runs a reactor.
//!
//! One thread at a time holds it. The holder runs the reactor and calls applications inline, as long
//! as they are quick; a standby takes over when a call is known to block (`pass`) or is seen to
//! (`steal`, from a monitor). Marking a call costs two atomic operations and no lock.
//!
//! ```text
//!            wait_for                enter
//!   Free ───────────────► Running ◄─────────► InApp(ticket)
//!    ▲                       │       leave      │
//!    └──────── pass ─────────┘                  │
//!    └────────────────────── steal ─────────────┘     (leave then returns false)
//! ```
//! Every transition out of `InApp` is a compare-and-swap on the ticket, so either `leave` or
//! `steal` wins, never both: there is never more than one holder. `tests/loom.rs` checks that over
//! all interleavings.
#![forbid(unsafe_code)]

#[cfg(loom)]
use loom::sync::{
    atomic::{AtomicU64, Ordering},
    Condvar, Mutex,
};
#[cfg(not(loom))]
use std::sync::{
    atomic::{AtomicU64, Ordering},
    Condvar, Mutex,
};

/// The low bits of the word; the rest counts calls, so that each has its own ticket.
const RUNNING: u64 = 0;
const IN_APP: u64 = 1;
const FREE: u64 = 2;
const STATE: u64 = 3;
const STEP: u64 = 4;

/// One call of an application, made while holding the baton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

#[derive(Default)]
struct Line {
    /// Threads that wait for the baton.
    standby: usize,
    /// Nobody holds it.
    free: bool,
    stopped: bool,
}

pub struct Baton {
    word: AtomicU64,
    line: Mutex<Line>,
    turn: Condvar,
}

impl Default for Baton {
    fn default() -> Self {
        Self::new()
    }
}

impl Baton {
    /// Nobody holds it yet.
    pub fn new() -> Self {
        Self {
            word: AtomicU64::new(FREE),
            line: Mutex::new(Line { free: true, ..Line::default() }),
            turn: Condvar::new(),
        }
    }

    /// Waits until this thread holds the baton; false once the baton is stopped.
    pub fn wait_for(&self) -> bool {
        let mut line = self.lock();
        loop {
            if line.stopped {
                return false;
            }
            if line.free {
                line.free = false;
                let calls = self.word.load(Ordering::SeqCst) & !STATE;
                self.word.store(calls | RUNNING, Ordering::SeqCst);
                return true;
            }
            line.standby += 1;
            line = match self.turn.wait(line) {
                Ok(line) => line,
                Err(poisoned) => poisoned.into_inner(),
            };
            line.standby -= 1;
        }
    }

    /// The holder is about to call an application.
    pub fn enter(&self) -> Ticket {
        let calls = (self.word.load(Ordering::Relaxed) & !STATE).wrapping_add(STEP);
        let ticket = calls | IN_APP;
        self.word.store(ticket, Ordering::SeqCst);
        Ticket(ticket)
    }

    /// The call has returned; true if this thread still holds the baton.
    #[must_use]
    pub fn leave(&self, ticket: Ticket) -> bool {
        let running = ticket.0 & !STATE | RUNNING;
        self.word.compare_exchange(ticket.0, running, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The holder hands over, if somebody waits; true if it has.
    #[must_use]
    pub fn pass(&self) -> bool {
        let mut line = self.lock();
        if line.standby == 0 || line.stopped {
            return false;
        }
        let calls = self.word.load(Ordering::SeqCst) & !STATE;
        self.word.store(calls | FREE, Ordering::SeqCst);
        line.free = true;
        self.turn.notify_one();
        true
    }

    /// The holder leaves for good.
    pub fn release(&self) {
        let mut line = self.lock();
        let calls = self.word.load(Ordering::SeqCst) & !STATE;
        self.word.store(calls | FREE, Ordering::SeqCst);
        line.free = true;
        self.turn.notify_one();
    }

    /// Takes the baton from a call that blocks and gives it to a standby; false if there is none,
    /// or if the call has returned.
    pub fn steal(&self, ticket: Ticket) -> bool {
        let mut line = self.lock();
        if line.standby == 0 || line.stopped {
            return false;
        }
        let free = ticket.0 & !STATE | FREE;
        if self.word.compare_exchange(ticket.0, free, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return false;
        }
        line.free = true;
        self.turn.notify_one();
        true
    }

    /// The call that runs with the baton now.
    pub fn current(&self) -> Option<Ticket> {
        let word = self.word.load(Ordering::SeqCst);
        (word & STATE == IN_APP).then_some(Ticket(word))
    }

    /// Everybody who waits, and whoever will, is sent away.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.turn.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    #[cfg(not(loom))]
    fn lock(&self) -> std::sync::MutexGuard<'_, Line> {
        // Nothing panics while it is held, and the line is consistent between any two statements.
        self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(loom)]
    fn lock(&self) -> loom::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
