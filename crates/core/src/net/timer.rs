//! One timer for all deadlines of a reactor.
//!
//! Activity never touches it: a connection stores its own deadline, and the timer is set only when
//! a deadline comes before the time it is set for. When it runs out, the reactor looks at every
//! connection once and sets it for the earliest deadline left. With the shortest timeout at a
//! second or more that is at most one pass per second over an array, and none at all without
//! connections; a timing wheel would only move that cost onto every request.

use std::io;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

/// No deadline.
pub const NEVER: u64 = u64::MAX;

/// Deadlines are not kept finer than this: passes over all connections stay at least this apart.
const GRAIN_MS: u64 = 100;

pub struct Timer {
    start: Instant,
    /// When the timer is set to run out; `NEVER` when it is not.
    set_for: u64,
    alarm: Alarm,
}

impl Timer {
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { start: Instant::now(), set_for: NEVER, alarm: Alarm::new(registry, token)? })
    }

    /// Milliseconds since the reactor began.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Makes sure that the reactor wakes at `deadline` or before.
    pub fn want(&mut self, deadline: u64) {
        if deadline >= self.set_for {
            return;
        }
        let now = self.now();
        let due = deadline.max(now + GRAIN_MS);
        // Never later than it is set for: connections that are always active would put it off.
        if due < self.set_for {
            self.set_for = due;
            self.alarm.set(Some(Duration::from_millis(due - now)));
        }
    }

    /// Has the time come that it was set for? If so it has to be set anew.
    pub fn has_run_out(&mut self) -> bool {
        let run_out = self.set_for != NEVER && self.now() >= self.set_for;
        if run_out {
            self.set_for = NEVER;
        }
        run_out
    }
}

#[cfg(target_os = "linux")]
struct Alarm(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Alarm {
    fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        let fd = super::sys::timer::create()?;
        let mut source = mio::unix::SourceFd(&fd.as_raw_fd());
        registry.register(&mut source, token, mio::Interest::READABLE)?;
        Ok(Self(fd))
    }

    fn set(&self, delay: Option<Duration>) {
        super::sys::timer::set(&self.0, delay);
    }
}

/// Elsewhere: a sleeping thread that wakes the poller.
#[cfg(not(target_os = "linux"))]
struct Alarm(std::sync::mpsc::Sender<Option<Duration>>);

#[cfg(not(target_os = "linux"))]
impl Alarm {
    fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::sync::mpsc::{channel, RecvTimeoutError};
        let waker = mio::Waker::new(registry, token)?;
        let (sender, receiver) = channel::<Option<Duration>>();
        std::thread::spawn(move || {
            let mut delay = None;
            loop {
                let heard = match delay.take() {
                    Some(delay) => receiver.recv_timeout(delay),
                    None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                };
                match heard {
                    Ok(next) => delay = next,
                    Err(RecvTimeoutError::Timeout) => drop(waker.wake()),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Ok(Self(sender))
    }

    fn set(&self, delay: Option<Duration>) {
        // The thread ends only with us.
        let _ = self.0.send(delay);
    }
}
