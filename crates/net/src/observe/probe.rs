//! Sees that somebody waits for a reactor that does not come round: its thread is in a call of the
//! application, or elsewhere in the event loop.
//!
//! The poller has then got events that nobody takes, and a poller can be polled like a socket. A
//! thread of its own does so; it never touches Python. It sleeps as long as nothing comes. When
//! something does, it looks a tick later: if the reactor has turned meanwhile, all is well, else it
//! writes down since when somebody waits. Whoever reads that later knows how long it is by now.
//!
//! The reactor's own timer is such an event too, but no work. Once it has run out, only the listeners
//! say whether somebody waits.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::observe::scoreboard::Slot;
use crate::sys::{self, Want};

/// Milliseconds that a reactor may take to come round before anybody is taken to wait.
const TICK_MS: u64 = 20;

/// Ends its thread when it is dropped.
pub(crate) struct Probe {
    shared: Arc<Shared>,
    _stop: UnixStream,
}

struct Shared {
    /// Borrowed: whoever closes one takes it out first.
    sources: Mutex<Sources>,
}

#[derive(Default)]
struct Sources {
    timer: Option<RawFd>,
    listeners: Vec<RawFd>,
}

impl Probe {
    /// Watches `poller` from now on, and writes into `slot`.
    pub(crate) fn start(poller: RawFd, timer: Option<RawFd>, slot: Slot) -> io::Result<Self> {
        let (stop, _stop) = UnixStream::pair()?;
        let sources = Sources { timer, listeners: Vec::new() };
        let shared = Arc::new(Shared { sources: Mutex::new(sources) });
        let watch = Watch { poller: sys::duplicate(poller)?, stop, slot };
        let seen = shared.clone();
        let named = std::thread::Builder::new().name("tricorn-probe".into());
        named.spawn(move || watch.run(&seen))?;
        Ok(Self { shared, _stop })
    }

    /// Somebody may wait there too.
    pub(crate) fn add_listener(&self, fd: RawFd) {
        self.shared.lock().listeners.push(fd);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        *self.shared.lock() = Sources::default();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is what has come for the reactor more than its own timer?
    fn is_work(&self) -> bool {
        let sources = self.lock();
        let ready = |fd: RawFd| sys::wait_for(fd, Want::Read, 0);
        !sources.timer.is_some_and(ready) || sources.listeners.iter().any(|&fd| ready(fd))
    }
}

struct Watch {
    poller: OwnedFd,
    /// Ends with the `Probe`.
    stop: UnixStream,
    slot: Slot,
}

impl Watch {
    fn run(&self, shared: &Shared) {
        while self.something_comes() {
            let turns = self.slot.turns.get();
            let mut since = None;
            while self.slot.turns.get() == turns && self.is_due() {
                let now = shared.is_work().then(sys::monotonic_ms);
                self.slot.unseen_since.set(since.filter(|_| now.is_some()).unwrap_or(0));
                since = now.and(since).or(now);
                if sys::wait_for(self.stop.as_raw_fd(), Want::Read, TICK_MS) {
                    break;
                }
            }
            self.slot.unseen_since.set(0);
        }
    }

    /// Waits for events; false when it is time to end.
    fn something_comes(&self) -> bool {
        sys::wait_for_either((self.poller.as_raw_fd(), Want::Read), self.stop.as_raw_fd(), None);
        !sys::wait_for(self.stop.as_raw_fd(), Want::Read, 0)
    }

    /// Are there events that the reactor has not taken?
    fn is_due(&self) -> bool {
        sys::wait_for(self.poller.as_raw_fd(), Want::Read, 0)
    }
}
