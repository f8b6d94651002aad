//! The scoreboard: memory shared by the processes of one server, in which each worker keeps its
//! counters for the supervisor and for the other workers to read.
//!
//! It is one anonymous shared mapping, made before the workers are forked. Each slot has one
//! process that writes it, with plain atomic stores: a count costs what it would in a field of its
//! own. Whoever reads may see one counter of now and another of a moment ago.

use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::observe::inflight::Table;
use crate::sys::monotonic_ms;

/// The beat of a worker that waits for something to do.
pub const FREE: u64 = u64::MAX;

/// A number with one writer at a time: adding to it needs no locked instruction.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn add(&self) {
        self.set(self.get().wrapping_add(1));
    }

    pub fn subtract(&self) {
        self.set(self.get().wrapping_sub(1));
    }
}

/// What one worker tells. Aligned to two cache lines, since processors fetch them in pairs: nobody
/// else writes there.
#[derive(Default)]
#[repr(C, align(128))]
pub struct Row {
    /// When the worker was last seen to go on, in milliseconds of CLOCK_MONOTONIC; or `FREE`.
    pub beat: Count,
    /// Requests that the application has.
    pub in_flight: Count,
    /// Open connections.
    pub connections: Count,
    pub accepted: Count,
    pub requests: Count,
    /// Responses with a status of 500 or above, by the application or in its place.
    pub errors: Count,
    /// Requests refused for what they are, whatever the status.
    pub rejected: Count,
    /// Requests turned away because there were too many (`--max-in-flight`).
    pub shed: Count,
    /// 1 while the worker takes new connections.
    pub accepting: Count,
    /// How often the reactor has taken events: stands still while its thread is in a call.
    pub turns: Count,
    /// Since when somebody has waited for the reactor to turn, if that is measured. This and the
    /// next two are in milliseconds of CLOCK_MONOTONIC, and 0 if nobody waits.
    pub unseen_since: Count,
    /// … for the reactor to come to a connection that it knows has something to do.
    pub runnable_since: Count,
    /// … for the application to have room (`--max-in-flight`); this is always measured.
    pub queued_since: Count,
    /// Requests given up while the application still has them: the worker should be replaced.
    pub stuck: Count,
    /// The requests in flight, by name.
    pub table: Table,
}

impl Row {
    /// Does the worker take connections? One that has not beaten is still on its way to its loop.
    pub fn is_serving(&self) -> bool {
        self.accepting.get() == 1 && self.beat.get() != 0
    }

    /// The worker goes on, as of now.
    pub fn alive(&self) {
        self.beat.set(monotonic_ms());
    }

    /// The worker waits for events: it can't hang.
    pub fn free(&self) {
        self.beat.set(FREE);
    }

    /// A call goes on: it has exchanged something with its client. For threads beside the one that
    /// runs the reactor, so a worker that is free stays free.
    pub fn goes_on(&self) {
        let before = self.beat.get();
        if before != FREE {
            let (exchange, now) = (&self.beat.0, monotonic_ms());
            // If it fails, somebody else has just said the same, or more.
            let _ = exchange.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Milliseconds that the longest-waiting piece of work has waited, as of now.
    pub fn queue_age(&self) -> u64 {
        let since = [&self.unseen_since, &self.runnable_since, &self.queued_since].map(Count::get);
        let first = since.into_iter().filter(|&since| since != 0).min();
        first.map_or(0, |first| monotonic_ms().saturating_sub(first))
    }

    /// What is counted, by name.
    pub fn counters(&self) -> [(&'static str, &Count); 7] {
        [
            ("in_flight", &self.in_flight),
            ("connections", &self.connections),
            ("accepted", &self.accepted),
            ("requests", &self.requests),
            ("errors", &self.errors),
            ("rejected", &self.rejected),
            ("shed", &self.shed),
        ]
    }

    fn clear(&self) {
        for (_, count) in self.counters() {
            count.set(0);
        }
        for count in [&self.beat, &self.accepting, &self.turns, &self.stuck] {
            count.set(0);
        }
        for since in [&self.unseen_since, &self.runnable_since, &self.queued_since] {
            since.set(0);
        }
        self.table.clear();
    }
}

/// What is said of all workers together, by their supervisor.
#[derive(Default)]
#[repr(C, align(128))]
pub struct Server {
    /// 1 once the server is to stop, though it goes on for a while.
    stopping: Count,
}

impl Server {
    /// Is the server to stop soon?
    pub fn is_stopping(&self) -> bool {
        self.stopping.get() == 1
    }

    /// Says so: a load balancer that asks is to send no more.
    pub fn announce_stop(&self) {
        self.stopping.set(1);
    }
}

/// The rows of all workers.
pub struct Board {
    server: NonNull<Server>,
    rows: NonNull<[Row]>,
    /// They are a mapping, not boxes.
    mapped: bool,
}

// SAFETY: the rows are atomics, and the pointer to them does not change until the board is dropped.
unsafe impl Send for Board {}
// SAFETY: as above.
unsafe impl Sync for Board {}

impl Board {
    /// mmap(2) of anonymous memory that forked processes have in common.
    pub fn shared(count: usize) -> io::Result<Self> {
        let size = size_of_board(count);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping, wherever the kernel likes.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size, access, kind, -1, 0) };
        match NonNull::new(start.cast::<Server>()) {
            Some(server) if start != libc::MAP_FAILED => {
                // SAFETY: the mapping goes on behind it, and both are aligned alike.
                let first = unsafe { server.add(1) }.cast::<Row>();
                let rows = NonNull::slice_from_raw_parts(first, count);
                Ok(Self { server, rows, mapped: true })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// One row for this process alone.
    fn private() -> Self {
        let rows: Box<[Row]> = Box::new([Row::default()]);
        let server = Box::<Server>::default();
        Self {
            server: NonNull::from(Box::leak(server)),
            rows: NonNull::from(Box::leak(rows)),
            mapped: false,
        }
    }

    pub fn server(&self) -> &Server {
        // SAFETY: as for the rows.
        unsafe { self.server.as_ref() }
    }

    pub fn rows(&self) -> &[Row] {
        // SAFETY: they are a box of rows, or a page-aligned mapping of that many; the kernel gives
        // it filled with zeros, which is what counters begin with. They live as long as the board.
        unsafe { self.rows.as_ref() }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if self.mapped {
            let size = size_of_board(self.rows.len());
            // SAFETY: it is our mapping, and nobody has a reference to it any more.
            unsafe { libc::munmap(self.server.as_ptr().cast(), size) };
        } else {
            // SAFETY: they came out of boxes, and nobody has a reference to them any more.
            unsafe {
                drop(Box::from_raw(self.rows.as_ptr()));
                drop(Box::from_raw(self.server.as_ptr()));
            }
        }
    }
}

fn size_of_board(rows: usize) -> usize {
    std::mem::size_of::<Server>() + rows * std::mem::size_of::<Row>()
}

/// One worker's row; those of the others are within reach.
#[derive(Clone)]
pub struct Slot {
    board: Arc<Board>,
    number: usize,
}

impl Slot {
    /// That of the worker with this number, from 0; None if there are fewer.
    pub fn new(board: Arc<Board>, number: usize) -> Option<Self> {
        (number < board.rows().len()).then_some(Self { board, number })
    }

    /// A slot that no other process knows.
    pub fn private() -> Self {
        Self { board: Arc::new(Board::private()), number: 0 }
    }

    /// What is said of all workers together.
    pub fn server(&self) -> &Server {
        self.board.server()
    }

    /// The rows of all workers.
    pub fn rows(&self) -> &[Row] {
        self.board.rows()
    }

    /// The rows of the other workers, with their numbers.
    pub fn others(&self) -> impl Iterator<Item = (usize, &Row)> {
        self.rows().iter().enumerate().filter(|(number, _)| *number != self.number)
    }

    /// For a worker that begins: nothing of one that had the slot before is left.
    pub fn begin(&self) {
        self.deref().clear();
    }
}

impl Deref for Slot {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.board.rows()[self.number]
    }
}
