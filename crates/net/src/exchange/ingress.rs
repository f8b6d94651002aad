//! The body of a request as it comes.

use tricorn_wire::body::Body;
use tricorn_wire::chunked::OwnedField;

pub struct Ingress {
    pub(crate) body: Body,
    /// The fields behind it.
    pub(crate) trailers: Vec<OwnedField>,
    /// The client waits for a go-ahead before it sends the body.
    pub(crate) expects_continue: bool,
    /// Bytes that have come, and milliseconds that somebody has waited for them, for the minimum
    /// rate: time that the application takes for itself does not count.
    pub(crate) bytes: u64,
    pub(crate) waited: u64,
    /// Somebody waits, since a time that is not counted yet.
    pub(crate) is_waited_for: bool,
}

impl Ingress {
    pub(crate) fn new(body: Body, expects_continue: bool) -> Self {
        Self {
            expects_continue: expects_continue && !body.is_done(),
            body,
            trailers: Vec::new(),
            bytes: 0,
            waited: 0,
            is_waited_for: false,
        }
    }

    /// Does the client send more slowly than it may: fewer than `rate` bytes a second, after a grace of
    /// so many milliseconds?
    pub(crate) fn is_too_slow(&self, rate: u64, grace: u64) -> bool {
        let least = rate.saturating_mul(self.waited);
        self.waited > grace && self.bytes.saturating_mul(1000) < least
    }
}
