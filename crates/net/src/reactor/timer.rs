//! One timer for all deadlines of a reactor.
//!
//! Activity never touches it: a connection stores its own deadline, and the timer is set only when
//! a deadline comes before the time it is set for. When it runs out, the reactor looks at every
//! connection once and sets it for the earliest deadline left. Passes stay at least 100 ms apart, and
//! there is none without connections; a timing wheel would move that cost onto every request.
//!
//! Apart from the deadlines, accepting is tried again when `want_retry` said.

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use crate::sys;

/// No deadline.
pub const NEVER: u64 = u64::MAX;

/// Deadlines are not kept finer than this: passes over all connections stay at least this apart.
const GRAIN_MS: u64 = 100;

pub struct Timer {
    start: Instant,
    /// The same in milliseconds of CLOCK_MONOTONIC.
    origin: u64,
    /// When deadlines have to be looked at; `NEVER` if there are none.
    set_for: u64,
    /// When to try again to accept; `NEVER` if there is no need.
    retry_at: u64,
    alarm: Alarm,
}

impl Timer {
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let alarm = Alarm::new(registry, token)?;
        let (start, origin) = (Instant::now(), sys::monotonic_ms());
        Ok(Self { start, origin, set_for: NEVER, retry_at: NEVER, alarm })
    }

    /// Milliseconds since the reactor began.
    pub fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// A time of the reactor in milliseconds of CLOCK_MONOTONIC, as other processes know it.
    pub fn to_monotonic(&self, time: u64) -> u64 {
        self.origin + time
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
            self.arm(now);
        }
    }

    /// Makes sure that the reactor wakes within so many milliseconds to accept.
    pub fn want_retry(&mut self, delay: u64) {
        let now = self.now();
        if now + delay < self.retry_at {
            self.retry_at = now + delay;
            self.arm(now);
        }
    }

    /// Nobody can take it any more for one that has run out and not been seen.
    pub fn acknowledge(&self) {
        if self.set_for.min(self.retry_at) == NEVER {
            self.alarm.set(None);
        } else {
            self.arm(self.now());
        }
    }

    /// The descriptor that can be read once it has run out, where it has one.
    pub fn fd(&self) -> Option<RawFd> {
        self.alarm.fd()
    }

    fn arm(&self, now: u64) {
        let due = self.set_for.min(self.retry_at);
        self.alarm.set(Some(Duration::from_millis(due.saturating_sub(now))));
    }

    /// It has run out for one of the two: sets it for the other, if there is one.
    fn arm_if(&self, other: u64, now: u64) {
        if other != NEVER {
            self.arm(now);
        }
    }

    /// Has the time come to look at deadlines? If so it has to be set anew.
    pub fn has_run_out(&mut self, now: u64) -> bool {
        let run_out = now >= self.set_for; // `NEVER` is never reached
        if run_out {
            self.set_for = NEVER;
            self.arm_if(self.retry_at, now);
        }
        run_out
    }

    /// Has the time come to try again to accept?
    pub fn retry_is_due(&mut self, now: u64) -> bool {
        let due = now >= self.retry_at;
        if due {
            self.retry_at = NEVER;
            self.arm_if(self.set_for, now);
        }
        due
    }
}

#[cfg(target_os = "linux")]
struct Alarm(std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Alarm {
    fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        let fd = sys::timer::create()?;
        let mut source = mio::unix::SourceFd(&fd.as_raw_fd());
        registry.register(&mut source, token, mio::Interest::READABLE)?;
        Ok(Self(fd))
    }

    fn fd(&self) -> Option<RawFd> {
        use std::os::fd::AsRawFd;
        Some(self.0.as_raw_fd())
    }

    fn set(&self, delay: Option<Duration>) {
        sys::timer::set(&self.0, delay);
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

    fn fd(&self) -> Option<RawFd> {
        None
    }

    fn set(&self, delay: Option<Duration>) {
        // The thread ends only with us.
        let _ = self.0.send(delay);
    }
}
