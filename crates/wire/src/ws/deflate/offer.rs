//! What a client offers in `Sec-WebSocket-Extensions`, and what of it is taken (RFC 7692 §5, §7.1).

use super::Agreed;

/// What the server would do.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// The largest window for either side, 9 to 15 bits.
    pub bits: u8,
    /// Messages may refer to earlier ones.
    pub takes_over: bool,
}

const NAME: &str = "permessage-deflate";

/// The first of the offers that can be met, and the field value that says so; None if there is none.
/// `fields` are the values of all `Sec-WebSocket-Extensions` fields.
pub fn choose<'a>(
    fields: impl Iterator<Item = &'a [u8]>,
    wishes: Wishes,
) -> Option<(Agreed, String)> {
    fields
        .filter_map(|field| std::str::from_utf8(field).ok())
        .flat_map(|field| split(field, ','))
        .find_map(|offer| read(offer).map(|params| params.answer(wishes)))
}

/// The parts between separators that are not in a quoted string.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |letter| {
        quoted ^= letter == '"';
        letter == separator && !quoted
    })
    .map(str::trim)
}

/// The parameters of one offer.
#[derive(Default)]
struct Params {
    server_no_context: bool,
    client_no_context: bool,
    server_bits: Option<u8>,
    /// Some(None) if the client can be told a number, and has said none.
    client_bits: Option<Option<u8>>,
}

/// None for another extension, and for an offer that is malformed or can't be met.
fn read(offer: &str) -> Option<Params> {
    let mut parts = split(offer, ';');
    if !parts.next()?.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let mut params = Params::default();
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim()))),
            None => (part, None),
        };
        params.add(&name.to_ascii_lowercase(), value)?;
    }
    Some(params)
}

fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value)
}

impl Params {
    /// None if the parameter is unknown, repeated, or has a value that it can't have.
    fn add(&mut self, name: &str, value: Option<&str>) -> Option<()> {
        match (name, value) {
            ("server_no_context_takeover", None) if !self.server_no_context => {
                self.server_no_context = true;
            }
            ("client_no_context_takeover", None) if !self.client_no_context => {
                self.client_no_context = true;
            }
            ("server_max_window_bits", Some(value)) if self.server_bits.is_none() => {
                // A window of 8 bits is one that the compressor does not have.
                self.server_bits = Some(bits(value).filter(|bits| *bits > 8)?);
            }
            ("client_max_window_bits", None) if self.client_bits.is_none() => {
                self.client_bits = Some(None);
            }
            ("client_max_window_bits", Some(value)) if self.client_bits.is_none() => {
                self.client_bits = Some(Some(bits(value)?));
            }
            _ => return None,
        }
        Some(())
    }

    fn answer(&self, wishes: Wishes) -> (Agreed, String) {
        let agreed = Agreed {
            our_bits: self.server_bits.map_or(wishes.bits, |bits| bits.min(wishes.bits)),
            their_bits: match self.client_bits {
                None => 15, // it can't be told to use less
                Some(bits) => bits.unwrap_or(15).min(wishes.bits),
            },
            we_take_over: wishes.takes_over && !self.server_no_context,
            they_take_over: wishes.takes_over && !self.client_no_context,
        };
        let mut text = NAME.to_owned();
        if !agreed.we_take_over {
            text.push_str("; server_no_context_takeover");
        }
        if !agreed.they_take_over {
            text.push_str("; client_no_context_takeover");
        }
        if self.server_bits.is_some() {
            text.push_str(&format!("; server_max_window_bits={}", agreed.our_bits));
        }
        if self.client_bits.is_some() {
            text.push_str(&format!("; client_max_window_bits={}", agreed.their_bits));
        }
        (agreed, text)
    }
}

/// 8 to 15, without leading zeros.
fn bits(value: &str) -> Option<u8> {
    let digits = !value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|bits| digits && (8..=15).contains(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(offers: &str) -> Option<String> {
        let wishes = Wishes { bits: 12, takes_over: true };
        choose([offers.as_bytes()].into_iter(), wishes).map(|(_, text)| text)
    }

    #[test]
    fn offers_that_are_taken() {
        for (offer, taken) in [
            ("permessage-deflate", "permessage-deflate"),
            (
                "foo, permessage-deflate; client_max_window_bits",
                "permessage-deflate; client_max_window_bits=12",
            ),
            (
                "PerMessage-Deflate;server_no_context_takeover ; client_no_context_takeover",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            ),
            (
                "permessage-deflate; server_max_window_bits=\"9\"",
                "permessage-deflate; server_max_window_bits=9",
            ),
            (
                "permessage-deflate; server_max_window_bits=15; client_max_window_bits=8",
                "permessage-deflate; server_max_window_bits=12; client_max_window_bits=8",
            ),
            (
                "permessage-deflate; server_max_window_bits=8, permessage-deflate",
                "permessage-deflate",
            ),
        ] {
            assert_eq!(answer(offer).as_deref(), Some(taken), "{offer}");
        }
    }

    #[test]
    fn offers_that_are_declined() {
        for offer in [
            "",
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=+9",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; unknown",
            "permessage-deflate; a=\"x, permessage-deflate\"",
        ] {
            assert_eq!(answer(offer), None, "{offer}");
        }
    }

    #[test]
    fn what_it_comes_to() {
        let wishes = Wishes { bits: 11, takes_over: false };
        let (agreed, text) =
            choose([&b"permessage-deflate"[..]].into_iter(), wishes).expect("taken");
        let expected =
            Agreed { our_bits: 11, their_bits: 15, we_take_over: false, they_take_over: false };
        assert_eq!(agreed, expected);
        assert!(text.contains("server_no_context_takeover; client_no_context_takeover"));
    }
}
