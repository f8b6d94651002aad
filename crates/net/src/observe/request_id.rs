//! Ids of requests: given by a trusted proxy, or made here.

use std::fmt::Write;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tricorn_wire::head::Head as Parsed;

use crate::observe::access::find_field;
use crate::reactor::conn::Conn;
use crate::Interface;

const NAME: &[u8] = b"x-request-id";
/// Longer ones are not taken over.
const LONGEST: usize = 128;

/// Bytes of an id, as a trace id has them (W3C Trace Context §3.2.2.3).
const SIZE: usize = 16;

/// Makes ids that no other process makes, and that nobody can guess who has seen others.
pub struct RequestIds {
    /// Random bytes for ids to come: many at once cost little more than a few.
    stock: [u8; 64 * SIZE],
    /// How many of them are left.
    left: usize,
}

impl RequestIds {
    pub fn new() -> Self {
        Self { stock: [0; 64 * SIZE], left: 0 }
    }

    /// In hexadecimal digits; none if the system has no random numbers.
    pub fn next(&mut self) -> Option<Box<str>> {
        if self.left == 0 {
            SystemRandom::new().fill(&mut self.stock).ok()?;
            self.left = self.stock.len();
        }
        let bytes = &self.stock[self.left - SIZE..self.left];
        self.left -= SIZE;
        let mut id = String::with_capacity(2 * SIZE);
        for byte in bytes {
            let _ = write!(id, "{byte:02x}"); // a String takes everything
        }
        Some(id.into())
    }
}

/// The id that a proxy gave: X-Request-Id, else the trace id of its traceparent.
pub fn given(parsed: &Parsed) -> Option<Box<str>> {
    let first = |name: &str| {
        let found = parsed.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.map(|field| field.value)
    };
    let named = first("x-request-id").and_then(id);
    named.or_else(|| first("traceparent").and_then(trace_id)).map(Into::into)
}

impl<I: Interface> Conn<I> {
    /// Tells the client what its request is called, unless the application has.
    pub(crate) fn show_id(&mut self) {
        if let Some(id) = &self.request.id {
            if find_field(&self.egress.held, NAME).is_none() {
                // It has been checked, or made here: a field that is always valid.
                let _ = self.egress.response.field(NAME, id.as_bytes(), &mut self.egress.held);
            }
        }
    }

    /// The field that does so.
    pub(crate) fn id_field(&self) -> Option<(&[u8], &[u8])> {
        self.request.id.as_ref().map(|id| (NAME, id.as_bytes()))
    }
}

/// Only what can stand in any log, address or field as it is.
fn id(value: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=:@".contains(byte);
    let fits = !value.is_empty() && value.len() <= LONGEST && value.iter().all(is_plain);
    fits.then(|| std::str::from_utf8(value).ok())?
}

/// The second part of `version-trace-parent-flags` (W3C Trace Context §3.2).
fn trace_id(value: &[u8]) -> Option<&str> {
    let value = std::str::from_utf8(value).ok()?;
    let mut parts = value.split('-');
    let mut part = |length: usize| {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        parts.next().filter(|part| part.len() == length && part.bytes().all(hex))
    };
    let (version, trace, parent, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let is_whole = version != "00" || parts.next().is_none();
    (version != "ff" && is_whole && !is_zero(trace) && !is_zero(parent)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_that_are_taken_over() {
        for good in ["a", "5f1c-9.A~_+/=:@", &"x".repeat(LONGEST)] {
            assert_eq!(id(good.as_bytes()), Some(good));
        }
        for bad in ["", "a b", "a,b", "\"a\"", "\u{e9}", "<a>", &"x".repeat(LONGEST + 1)] {
            assert_eq!(id(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn trace_ids() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for good in ["00-{}-00f067aa0ba902b7-01", "cc-{}-00f067aa0ba902b7-01-more"] {
            assert_eq!(trace_id(good.replace("{}", trace).as_bytes()), Some(trace));
        }
        for bad in [
            "",
            "00-{}-00f067aa0ba902b7",
            "00-{}-00f067aa0ba902b7-01-more",
            "ff-{}-00f067aa0ba902b7-01",
            "00-{}-0000000000000000-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-{}0-00f067aa0ba902b7-01",
        ] {
            assert_eq!(trace_id(bad.replace("{}", trace).as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn made_ids_differ() {
        let mut ids = RequestIds::new();
        let made: HashSet<_> = (0..200).filter_map(|_| ids.next()).collect();
        assert_eq!(made.len(), 200);
        assert!(made.iter().all(|id| id.len() == 2 * SIZE));
    }
}
