//! Complete responses that go out together.
//!
//! While several requests are served one after the other, each response that is sent at once wakes
//! its client, or the proxy in front, which may sleep on another processor: in a virtual machine
//! that costs as much as a small request. So a response waits for those of the requests that are
//! in the queue already, at most for [`LONGEST`], and not for a call that may be slow (see `quick`). If
//! the application holds them up for longer, nothing waits for a while: a quick response must not be late because of a slow one. The while is
//! long after a long call, so that such calls cost their neighbours something once in a minute at most.

use std::time::{Duration, Instant};

use crate::reactor::phase::Phase;
use crate::{Interface, Net, Token};

/// What a waiting response may cost its client.
const LONGEST: Duration = Duration::from_millis(1);
/// A call that keeps others waiting for longer than this ends the waiting …
const TOO_LONG: Duration = Duration::from_millis(3);
/// … for so many times as long, within these bounds in milliseconds.
const PROMPT_TIMES: u64 = 150;
const PROMPT_LEAST: u64 = 500;
const PROMPT_MOST: u64 = 60_000;

#[derive(Default)]
pub(crate) struct Batch {
    /// Whoever runs the reactor will come back to send what waits.
    is_open: bool,
    tokens: Vec<Token>,
    /// When the first of them was complete.
    since: Option<Instant>,
    /// Nothing waits before this time, in milliseconds of the reactor.
    prompt_until: u64,
}

impl<I: Interface> Net<I> {
    /// Responses may wait from now on, or not: only while the reactor runs, since an application's
    /// task that the loop steps may keep it from running for any time.
    pub fn open_batch(&mut self, open: bool) {
        self.gathered.batch.is_open = open;
    }

    /// Are others being served, whose responses can go out with this one?
    fn has_others(&self) -> bool {
        self.gathered.batch.is_open
            && self.has_work()
            && self.now >= self.gathered.batch.prompt_until
    }

    /// Keeps what the streams of a connection have to say if others are being served; true if it
    /// waits.
    pub(crate) fn hold_streams(&mut self, parent: Token) -> bool {
        let others = self.has_others();
        let Some(conn) = self.conns.get_mut(parent) else { return true };
        if conn.egress.is_batched() {
            return true;
        }
        let others = others && conn.phase() == Phase::Streams; // nothing is said after the end
        if others {
            conn.egress.batch();
            self.wait(parent);
        }
        others
    }

    fn wait(&mut self, token: Token) {
        self.gathered.batch.tokens.push(token);
        self.gathered.batch.since.get_or_insert_with(Instant::now);
    }

    /// Keeps the complete response in `held` if others are being served; true if it waits.
    pub(crate) fn hold(&mut self, token: Token) -> bool {
        let others = self.has_others();
        let Some(conn) = self.conns.get_mut(token) else { return false };
        if conn.is_stream() {
            return false; // its connection waits
        }
        if conn.egress.is_batched() {
            return true; // only its end was missing
        }
        if !others || conn.is_broken() || !conn.transport.writable || !conn.transport.is_sent() {
            return false;
        }
        conn.egress.batch();
        self.wait(token);
        true
    }

    /// Does a response wait?
    pub(crate) fn has_waiting(&self) -> bool {
        self.gathered.batch.since.is_some()
    }

    pub(crate) fn release_if_due(&mut self) {
        if self.gathered.batch.since.is_some_and(|since| since.elapsed() > LONGEST) {
            self.release();
        }
    }

    /// Sends the responses that wait.
    pub fn release(&mut self) {
        let Some(since) = self.gathered.batch.since.take() else { return };
        let kept = since.elapsed();
        if kept > TOO_LONG {
            self.be_prompt(kept);
        }
        let mut tokens = std::mem::take(&mut self.gathered.batch.tokens);
        for token in tokens.drain(..) {
            self.release_one(token);
        }
        self.gathered.batch.tokens = tokens;
    }

    /// As `release`, when a call did not come back to the reactor: nothing waits for a while.
    pub fn release_left(&mut self) {
        if self.gathered.batch.since.is_some() {
            self.release();
            self.be_prompt(Duration::ZERO);
        }
    }

    fn release_one(&mut self, token: Token) {
        let Some(conn) = self.conns.get_mut(token) else { return };
        conn.egress.unbatch();
        if conn.streams.is_some() {
            if std::mem::take(&mut conn.passed_over) {
                self.enqueue(token);
            }
            return self.advance_parent(token);
        }
        conn.push_held();
        conn.egress.trim();
        if conn.transport.output.is_empty() {
            self.end_line(token);
        }
        let Some(conn) = self.conns.get_mut(token) else { return };
        if !conn.is_idle() || conn.is_gone() || self.stop.is_begun() {
            self.enqueue(token);
        }
    }

    /// A call of the application has kept others waiting for so long.
    fn be_prompt(&mut self, kept: Duration) {
        self.touch(); // the call may have taken long
        let long = (kept.as_millis() as u64).saturating_mul(PROMPT_TIMES);
        let until = self.now + long.clamp(PROMPT_LEAST, PROMPT_MOST);
        self.gathered.batch.prompt_until = until.max(self.gathered.batch.prompt_until);
    }
}
