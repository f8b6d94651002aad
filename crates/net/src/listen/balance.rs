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
//! Not everybody can yield at once: it is always to a smaller load.

use crate::observe::scoreboard::{Row, Slot};

/// Time for others to accept, in milliseconds, before who yields looks again.
pub(crate) const RETRY_MS: u64 = 4;
/// A worker that waits for events turns at once; where processors are scarce it may be some slices
/// of the scheduler late.
const STUCK_MS: u64 = 30;
/// The longest that a connection may wait for a worker that does not come …
const PATIENCE_MS: u64 = 50;
/// … and how many are then taken, before others get another chance.
const CREDIT: u32 = 4;

/// How busy a worker is: by its connections, which are the work of later, and by its requests in
/// flight, which count for two more each: that is enough to tell a busy worker from an idle one, and little
/// enough that a quick request that happens to run just now does not decide.
fn load(row: &Row) -> u64 {
    row.connections.get() + 2 * row.in_flight.get()
}

/// Is the difference worth a hand-over? Small loads are compared exactly; of larger ones an eighth
/// is as good as even.
fn yields_to(mine: u64, other: u64) -> bool {
    mine > other + other / 8
}

#[derive(Default)]
pub(crate) struct Balance {
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
    pub(crate) fn yields(&mut self, slot: &Slot, now: u64) -> bool {
        self.lose_patience(slot, now);
        if self.credit > 0 {
            self.credit -= 1;
            return false;
        }
        let mine = load(slot);
        let yields = slot.others().any(|(number, row)| {
            row.is_serving()
                && yields_to(mine, load(row))
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
    pub(crate) fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Nobody waits any more.
    pub(crate) fn settle(&mut self) {
        self.since = None;
        self.credit = 0;
    }
}

fn turns(slot: &Slot) -> impl Iterator<Item = u64> + '_ {
    slot.rows().iter().map(|row| row.turns.get())
}
