//! Even load: a worker leaves a connection in the kernel's queue while another is less busy.
//!
//! Every connection wakes all workers that wait, so the least busy one is there as well and takes
//! it. Who yields comes back: as soon as its own load falls, and after [`RETRY_MS`], when mostly
//! nobody waits any more. Whom a connection is left to may be kept from it:
//!
//! * a worker in a call of the application does not turn. One that has not turned for
//!   [`STUCK_MS`] while somebody waited is left out until it does;
//! * whatever else may be wrong, after [`PATIENCE_MS`] anybody accepts.
//!
//! Not everybody can yield at once: along "yields to" requests in flight never rise, and where
//! they are equal connections fall, so there is always one that yields to nobody.

use crate::scoreboard::{Row, Slot};

/// Time for others to accept, in milliseconds, before who yields looks again.
pub(super) const RETRY_MS: u64 = 4;
/// A worker that waits for events turns at once; with twice as many workers as processors it may
/// be some milliseconds late.
const STUCK_MS: u64 = 8;
/// The longest that a connection may wait for a worker that does not come …
const PATIENCE_MS: u64 = 25;
/// … and how many are then taken, before others get another chance.
const CREDIT: u32 = 4;

/// How busy a worker is.
#[derive(Clone, Copy, Debug)]
struct Load {
    in_flight: u64,
    connections: u64,
}

impl Load {
    fn of(row: &Row) -> Self {
        Self { in_flight: row.in_flight.get(), connections: row.connections.get() }
    }

    /// Is the difference worth a hand-over? One request, or an eighth, is not. Connections count
    /// between workers that have equally much to do: they are the work of later. Up to eight
    /// they are counted exactly, from there on an eighth is as good as even.
    fn yields_to(self, other: Self) -> bool {
        let more_requests = self.in_flight > other.in_flight + other.in_flight / 8 + 1;
        let more_connections = self.connections > other.connections + other.connections / 8;
        more_requests || (self.in_flight >= other.in_flight && more_connections)
    }
}

#[derive(Default)]
pub(super) struct Balance {
    /// When somebody was left to others and has not been seen to go, in milliseconds of the reactor.
    since: Option<u64>,
    /// How often each worker had turned by then.
    seen: Vec<u64>,
    /// The same of workers that have not turned since: they are out as long as it is true.
    stuck: Vec<u64>,
    /// How many to take without looking at others.
    credit: u32,
}

impl Balance {
    /// Should another worker take the connection that waits?
    pub(super) fn yields(&mut self, slot: &Slot, now: u64) -> bool {
        self.lose_patience(slot, now);
        if self.credit > 0 {
            self.credit -= 1;
            return false;
        }
        let mine = Load::of(slot);
        let yields = slot.others().any(|(number, row)| {
            row.accepting.get() == 1
                && mine.yields_to(Load::of(row))
                && self.stuck.get(number) != Some(&row.turns.get())
        });
        if !yields {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(now);
            self.seen = turns(slot).collect();
        }
        yields
    }

    /// Draws the conclusions from how long somebody has waited.
    fn lose_patience(&mut self, slot: &Slot, now: u64) {
        let waited = self.since.map_or(0, |since| now.saturating_sub(since));
        if waited >= STUCK_MS {
            self.stuck.resize(self.seen.len(), u64::MAX);
            for ((stuck, &seen), turns) in self.stuck.iter_mut().zip(&self.seen).zip(turns(slot)) {
                if turns == seen {
                    *stuck = seen;
                }
            }
        }
        if waited >= PATIENCE_MS {
            self.since = None;
            self.credit = CREDIT;
        }
    }

    /// Does somebody wait who was left to others?
    pub(super) fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Nobody waits any more.
    pub(super) fn settle(&mut self) {
        self.since = None;
        self.credit = 0;
    }
}

fn turns(slot: &Slot) -> impl Iterator<Item = u64> + '_ {
    slot.rows().iter().map(|row| row.turns.get())
}
