//! For how long the application has had a request: without the times in which it waited for its
//! client, since those have timeouts of their own.

use crate::{Interface, Net, Token};

/// What a client reads in place of a response that did not come in time.
pub const TOO_LONG: &str = "The application took too long.";

/// One request's clock, in milliseconds of the reactor. It is read seldom, so that the running
/// request pays for two stores.
#[derive(Clone, Copy, Default)]
pub struct Spent {
    /// When the head had come, later by all waits that are over.
    begun: u64,
    /// Since when the application waits for its client; 0 while it does not.
    waits_since: u64,
}

impl Spent {
    pub(crate) fn since(now: u64) -> Self {
        Self { begun: now, waits_since: 0 }
    }

    fn wait(&mut self, now: u64) {
        if self.waits_since == 0 {
            self.waits_since = now.max(1);
        }
    }

    fn go_on(&mut self, now: u64) {
        if self.waits_since != 0 {
            self.begun += now.saturating_sub(self.waits_since);
            self.waits_since = 0;
        }
    }

    /// Seconds until `now`.
    pub fn seconds(mut self, now: u64) -> f64 {
        self.go_on(now);
        now.saturating_sub(self.begun) as f64 / 1000.0
    }
}

impl<I: Interface> Net<I> {
    /// The application waits for the client of this request: to send, or to read.
    pub fn await_client(&mut self, token: Token) {
        let now = self.now;
        if let Some(conn) = self.get(token) {
            conn.request.spent.wait(now);
        }
    }

    /// The client has done what was waited for.
    pub fn client_came(&mut self, token: Token) {
        let now = self.now;
        if let Some(conn) = self.get(token) {
            conn.request.spent.go_on(now);
        }
    }

    /// The time as of now, for `Spent::seconds`.
    pub fn fresh_now(&mut self) -> u64 {
        self.touch();
        self.now
    }
}
