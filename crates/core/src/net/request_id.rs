//! Ids of requests: given by a trusted proxy, or made here.

use std::fs::File;
use std::io::{self, Read};

use tricorn_wire::head::Head as Parsed;

use super::access::find_field;
use super::conn::Conn;

const NAME: &[u8] = b"x-request-id";
/// Longer ones are not taken over.
const LONGEST: usize = 128;

/// Makes ids that no other process makes.
pub struct RequestIds {
    state: [u64; 2],
}

impl RequestIds {
    pub fn new() -> io::Result<Self> {
        let mut seed = [[0; 8]; 2];
        let mut random = File::open("/dev/urandom")?;
        for half in &mut seed {
            random.read_exact(half)?;
        }
        Ok(Self { state: seed.map(u64::from_ne_bytes) })
    }

    /// 32 hexadecimal digits, as a trace id has (W3C Trace Context §3.2.2.3).
    pub fn next(&mut self) -> Box<str> {
        let [high, low] = self.state.each_mut().map(step);
        format!("{high:016x}{low:016x}").into()
    }
}

/// SplitMix64: a number that comes again only after all others.
fn step(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The id that a proxy gave: X-Request-Id, else the trace id of its traceparent.
pub fn given(parsed: &Parsed) -> Option<Box<str>> {
    let mut traced = None;
    for field in parsed.fields {
        match field.name.len() {
            12 if field.name.eq_ignore_ascii_case("x-request-id") => {
                return id(field.value).or(traced).map(Into::into);
            }
            11 if field.name.eq_ignore_ascii_case("traceparent") => {
                traced = trace_id(field.value);
            }
            _ => {}
        }
    }
    traced.map(Into::into)
}

impl<X> Conn<X> {
    /// Tells the client what its request is called, unless the application has.
    pub(super) fn show_id(&mut self) {
        if let Some(id) = &self.id {
            if find_field(&self.held, NAME).is_none() {
                // It has been checked, or made here: a field that is always valid.
                let _ = self.response.field(NAME, id.as_bytes(), &mut self.held);
            }
        }
    }

    /// The field that does so.
    pub(super) fn id_field(&self) -> Option<(&[u8], &[u8])> {
        self.id.as_ref().map(|id| (NAME, id.as_bytes()))
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
        let mut ids = RequestIds { state: [1, 2] };
        let (one, other) = (ids.next(), ids.next());
        assert_eq!((one.len(), one == other), (32, false));
    }
}
