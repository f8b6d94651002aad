//! The request that asks for a WebSocket, and the answer (RFC 6455 §4.2).
//!
//! Over HTTP/2 the request is an extended CONNECT (RFC 8441): it has neither a key nor `Upgrade`,
//! and the answer is 200. [`Offer`] is what both have.

use crate::head::{list, Field, Framing, Head};

use super::deflate::offer::{choose, Wishes};
use super::deflate::Agreed;
use super::digest::{base64, is_key, sha1};

/// What a client asks for, once the request is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The value of `Sec-WebSocket-Accept`; None where the transport needs none.
    pub accept: Option<Vec<u8>>,
    /// Subprotocols in the client's order.
    pub subprotocols: Vec<String>,
    /// permessage-deflate and the field value that says so, if both sides want it.
    pub deflate: Option<(Agreed, String)>,
}

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// No WebSocket: an ordinary request.
    Http,
    WebSocket(Offer),
    /// A WebSocket, but not so.
    Refused(Refusal),
}

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Version,
    Key,
    Body,
}

impl Refusal {
    pub fn status(self) -> u16 {
        if self == Self::Version {
            426
        } else {
            400
        }
    }

    /// A field that the answer must have.
    pub fn field(self) -> (&'static [u8], &'static [u8]) {
        (b"sec-websocket-version", b"13")
    }

    pub fn detail(self) -> &'static str {
        match self {
            Self::Version => "Only version 13 of WebSocket is spoken here.",
            Self::Key => "The Sec-WebSocket-Key is missing or malformed.",
            Self::Body => "A request for a WebSocket has no body.",
        }
    }
}

/// Does the request ask for a WebSocket? `wishes` are the server's about compression, if it has any.
pub fn wanted(head: &Head, wishes: Option<Wishes>) -> Wanted {
    if head.connects_websocket {
        return match only(head.fields, "sec-websocket-version") {
            Some(b"13") => Wanted::WebSocket(offer(head.fields, wishes)),
            _ => Wanted::Refused(Refusal::Version),
        };
    }
    let upgrades = has_member(head.fields, "upgrade", "websocket")
        && has_member(head.fields, "connection", "upgrade");
    if !upgrades || head.method != "GET" || head.minor != 1 {
        return Wanted::Http;
    }
    if only(head.fields, "sec-websocket-version") != Some(b"13") {
        return Wanted::Refused(Refusal::Version);
    }
    let key = only(head.fields, "sec-websocket-key").filter(|key| is_key(key));
    let Some(key) = key else { return Wanted::Refused(Refusal::Key) };
    if head.framing != Framing::Length(0) {
        return Wanted::Refused(Refusal::Body);
    }
    let accept = Some(accept_value(key));
    Wanted::WebSocket(Offer { accept, ..offer(head.fields, wishes) })
}

/// What the fields of a valid request offer, for any transport.
pub fn offer(fields: &[Field], wishes: Option<Wishes>) -> Offer {
    let protocols = values(fields, "sec-websocket-protocol").flat_map(list);
    let extensions = values(fields, "sec-websocket-extensions");
    Offer {
        accept: None,
        subprotocols: protocols.map(|name| String::from_utf8_lossy(name).into_owned()).collect(),
        deflate: wishes.and_then(|wishes| choose(extensions, wishes)),
    }
}

/// Is the field one that the handshake itself says? An application can't.
pub fn is_ours(name: &[u8]) -> bool {
    [
        &b"upgrade"[..],
        b"connection",
        b"sec-websocket-accept",
        b"sec-websocket-extensions",
        b"content-length",
        b"transfer-encoding",
    ]
    .iter()
    .any(|ours| name.eq_ignore_ascii_case(ours))
}

/// The fields of the answer that the handshake itself says.
pub fn answer<'a>(
    offer: &'a Offer,
    subprotocol: Option<&'a str>,
) -> impl Iterator<Item = (&'static [u8], &'a [u8])> {
    let upgrade: &[(&'static [u8], &'static [u8])] = match offer.accept {
        Some(_) => &[(b"upgrade", b"websocket"), (b"connection", b"Upgrade")],
        None => &[],
    };
    let named = |name: &'static [u8], value: Option<&'a [u8]>| value.map(|value| (name, value));
    let deflate = offer.deflate.as_ref().map(|(_, text)| text.as_bytes());
    upgrade
        .iter()
        .copied()
        .chain(named(b"sec-websocket-accept", offer.accept.as_deref()))
        .chain(named(b"sec-websocket-protocol", subprotocol.map(str::as_bytes)))
        .chain(named(b"sec-websocket-extensions", deflate))
}

fn accept_value(key: &[u8]) -> Vec<u8> {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    base64(&sha1(&[key, GUID].concat()))
}

fn values<'a>(fields: &'a [Field], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
    named.map(|field| field.value)
}

/// The value of a field that must be there once.
fn only<'a>(fields: &'a [Field], name: &'a str) -> Option<&'a [u8]> {
    let mut all = values(fields, name);
    all.next().filter(|_| all.next().is_none())
}

fn has_member(fields: &[Field], name: &str, member: &str) -> bool {
    values(fields, name).flat_map(list).any(|one| one.eq_ignore_ascii_case(member.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{parse, Slots};
    use crate::limits::Limits;

    const HEAD: &str = "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

    fn look(head: &str) -> Wanted {
        let mut slots = Slots::new();
        let parsed = parse(head.as_bytes(), &mut slots, &Limits::default()).expect("a valid head");
        wanted(&parsed, Some(Wishes { bits: 12, takes_over: true }))
    }

    #[test]
    fn the_example_of_the_standard() {
        let Wanted::WebSocket(offer) = look(HEAD) else { panic!("a handshake") };
        assert_eq!(offer.accept.as_deref(), Some(&b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="[..]));
        assert_eq!(offer.subprotocols, ["chat", "superchat"]);
        let names: Vec<_> = answer(&offer, Some("chat")).map(|(name, _)| name.len()).collect();
        assert_eq!(names, [7, 10, 20, 22, 24]);
    }

    #[test]
    fn what_is_refused() {
        for (from, to, refusal) in [
            ("Version: 13", "Version: 8", Refusal::Version),
            ("Sec-WebSocket-Version: 13\r\n", "", Refusal::Version),
            ("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 13", Refusal::Version),
            ("ZQ==", "ZR==", Refusal::Key),
            ("Sec-WebSocket-Key", "X-Key", Refusal::Key),
            ("Host: x", "Host: x\r\nContent-Length: 1", Refusal::Body),
        ] {
            assert_eq!(look(&HEAD.replace(from, to)), Wanted::Refused(refusal), "{to}");
        }
    }

    #[test]
    fn what_is_an_ordinary_request() {
        for (from, to) in [
            ("GET", "POST"),
            ("/chat HTTP/1.1", "/chat HTTP/1.0"),
            ("Upgrade: websocket", "Upgrade: h2c"),
            ("keep-alive, Upgrade", "keep-alive"),
        ] {
            assert_eq!(look(&HEAD.replacen(from, to, 1)), Wanted::Http, "{to}");
        }
    }
}
