//! Complete responses that go out together.
//!
//! While several requests are served one after the other, each response that is sent at once wakes
//! its client, or the proxy in front, which may sleep on another processor: in a virtual machine
//! that costs as much as a small request. So a response waits for those of the requests that are
//! in the queue already, at most for [`LONGEST`]. If the application holds them up for longer,
//! nothing waits for a while: a quick response must not be late because of a slow one.

use std::time::{Duration, Instant};

use super::{Net, Token};

/// What a waiting response may cost its client.
const LONGEST: Duration = Duration::from_millis(1);
/// A call that keeps others waiting for longer than this ends the waiting …
const TOO_LONG: Duration = Duration::from_millis(3);
/// … for this long.
const PROMPT_MS: u64 = 500;

#[derive(Default)]
pub(super) struct Batch {
    tokens: Vec<Token>,
    /// When the first of them was complete.
    since: Option<Instant>,
    /// Nothing waits before this time, in milliseconds of the reactor.
    prompt_until: u64,
}

impl<X> Net<X> {
    /// Keeps the complete response in `held` if others are being served; true if it waits.
    pub(super) fn hold(&mut self, token: Token) -> bool {
        let others = self.has_work() && self.now >= self.batch.prompt_until;
        let Some(conn) = self.conns.get_mut(token) else { return false };
        if conn.is_waiting {
            return true; // only its end was missing
        }
        if !others || conn.broken || !conn.writable || !conn.output.is_empty() {
            return false;
        }
        conn.committed = true;
        conn.corked = false;
        conn.is_waiting = true;
        self.batch.tokens.push(token);
        self.batch.since.get_or_insert_with(Instant::now);
        true
    }

    pub(super) fn release_if_due(&mut self) {
        if self.batch.since.is_some_and(|since| since.elapsed() > LONGEST) {
            self.release();
        }
    }

    /// Sends the responses that wait; false if there were none.
    pub fn release(&mut self) -> bool {
        let Some(since) = self.batch.since.take() else { return false };
        if since.elapsed() > TOO_LONG {
            self.be_prompt();
        }
        let mut tokens = std::mem::take(&mut self.batch.tokens);
        for token in tokens.drain(..) {
            self.release_one(token);
        }
        self.batch.tokens = tokens;
        true
    }

    fn release_one(&mut self, token: Token) {
        let Some(conn) = self.conns.get_mut(token) else { return };
        conn.is_waiting = false;
        conn.push_held();
        conn.trim_held();
        if conn.output.is_empty() {
            self.end_line(token);
        }
        let Some(conn) = self.conns.get_mut(token) else { return };
        if !conn.is_idle() || conn.broken || conn.half_closed || self.draining {
            self.enqueue(token);
        }
    }

    /// Calls of the application take their time: nothing waits for a while.
    pub fn be_prompt(&mut self) {
        self.touch(); // the call may have taken long
        self.batch.prompt_until = self.now + PROMPT_MS;
    }
}
