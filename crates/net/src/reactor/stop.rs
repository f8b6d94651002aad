//! How everything ends: connections are told, finished and closed, or left to the parent of a fork.

use crate::answers::admission::Line;
use crate::observe::scoreboard::Slot;
use crate::reactor::batch::Batch;
use crate::reactor::phase::Phase;
use crate::reactor::slab::Slab;
use crate::reactor::LAST_CALL_MS;
use crate::transport::Ours;
use crate::{sys, Interface, Net, Token};

/// How far a stop is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    No,
    /// Idle connections are closed, the others end with their response.
    Now,
    /// Idle connections may send one more request, and learn with its response.
    Patient,
}

impl Stop {
    pub(crate) fn is_begun(self) -> bool {
        self != Self::No
    }

    pub(crate) fn is_patient(self) -> bool {
        self == Self::Patient
    }

    fn begin(&mut self) {
        if *self == Self::No {
            *self = Self::Now;
        }
    }
}

impl<I: Interface> Net<I> {
    /// Stops listening and tells busy connections to close after their response. Idle ones are
    /// closed, but not if `patient`: then others go on listening on the same sockets, so nobody
    /// has to leave before being told so with a response. Whose first request is on its way is
    /// not idle.
    pub fn drain(&mut self, patient: bool) {
        self.stop = if patient { Stop::Patient } else { Stop::Now };
        if !patient {
            let timeouts = &mut self.settings.timeouts;
            timeouts.first = timeouts.first.min(LAST_CALL_MS);
        }
        // Closing a listener resets who waits in its queue, unless others have it open: those are let
        // in first, and served.
        self.accept_waiting(patient);
        self.close_listeners();
        let (mut heads, mut parents) = (Vec::new(), Vec::new());
        for (token, conn) in self.conns.iter_mut() {
            if !(patient && conn.egress.is_committed()) {
                conn.egress.response.close_after();
            }
            if conn.phase() == Phase::Streams {
                parents.push(token);
            }
            if conn.phase() == Phase::Head && !patient && !conn.is_stream() {
                // A request may have come that no event has told of yet.
                conn.transport.readable |= sys::wait_for(conn.fd(), sys::Want::Read, 0);
                heads.push((token, conn.is_idle()));
            }
        }
        self.touch();
        self.part_websockets();
        for token in parents {
            self.stop_streams(token);
        }
        for (token, idle) in heads {
            if !idle {
                self.enqueue(token);
            } else if self.is_awaited(token) {
                self.renew(token);
            } else {
                let none = self.close(token);
                debug_assert!(none.is_none(), "an idle connection has an exchange");
            }
        }
    }

    /// While draining: is the connection so new that its first request must be on its way?
    pub(crate) fn is_awaited(&mut self, token: Token) -> bool {
        let (now, timeouts) = (self.now, self.settings.timeouts);
        let Some(conn) = self.conns.get_mut(token) else { return false };
        conn.seq == 0 && !conn.is_begun() && conn.next_deadline(&timeouts) > now
    }

    /// Lets go of a connection that can't even be dropped: only its socket is closed.
    pub fn leave(&mut self, token: Token) {
        let Some(mut conn) = self.conns.remove(token) else { return };
        conn.enter(Phase::Linger, &self.slot);
        conn.transport.link.shutdown();
        std::mem::forget(conn);
    }

    /// Closes everything at once; the exchanges that were running come back.
    pub fn close_all(&mut self) -> Vec<I::Exchange> {
        self.stop.begin();
        self.close_listeners();
        let tokens: Vec<Token> = self.conns.iter_mut().map(|(token, _)| token).collect();
        tokens.into_iter().filter_map(|token| self.close(token)).collect()
    }

    /// After a fork, in the child: closes descriptors only. Nothing is deregistered or shut down,
    /// since the poller and the connections are still the parent's. The exchanges come back.
    #[must_use]
    pub fn abandon(&mut self) -> Vec<I::Exchange> {
        self.slot = Slot::private(); // the other is the parent's too
        std::mem::forget(self.probe.take()); // so is its thread, which may have had the lock
        self.listeners.all.clear();
        self.turns.queue.clear();
        self.turns.put_off.clear();
        self.line = Line::default();
        self.gathered.corked.clear();
        self.gathered.batch = Batch::default(); // nothing waits, and nothing may
        self.stop.begin();
        if let Some(mut access) = self.access.take() {
            access.lines.text.clear(); // the parent writes them
        }
        let mut exchanges = Vec::new();
        for (_, conn) in self.conns.iter_mut() {
            conn.transport.ours = Ours::Abandoned;
            exchanges.extend(conn.exchange.take());
        }
        self.conns = Slab::new();

        exchanges
    }
}
