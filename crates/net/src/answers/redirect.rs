//! Addresses that only send their clients to HTTPS.

use tricorn_wire::head::{Head as Parsed, Slots};

use crate::answers::answer::Answer;
use crate::{Head, Interface, Net, Step, Token};

impl<I: Interface> Net<I> {
    /// Answers if the request came to such an address; else it is for others to answer.
    pub(crate) fn redirect(&mut self, token: Token, head: Head) -> Step<I> {
        let listener = self.conns.get_mut(token).map(|conn| conn.origin.listener as usize);
        let listener = listener.and_then(|index| self.listeners.all.get(index));
        let Some(port) = listener.and_then(|listener| listener.redirects_to) else {
            return Step::Head(head);
        };
        let found = {
            let mut slots = Slots::new();
            let parsed = head.parse(&mut slots, &self.settings.limits).ok();
            // What is refused is refused as ever, by the interface.
            parsed.and_then(|parsed| {
                // A client that posts has to post there too (RFC 9110 §15.4.9).
                let status = if matches!(parsed.method, "GET" | "HEAD") { 301 } else { 308 };
                Some((status, location(&parsed, port), self.begin_own(token, &parsed)?))
            })
        };
        let Some((status, location, begin)) = found else { return Step::Head(head) };
        let answer = match &location {
            Some(location) => Answer {
                status,
                field: (b"location", location),
                text: "this server speaks HTTPS\n",
            },
            None => Answer {
                status: 400,
                field: (b"cache-control", b"no-store"),
                text: "this server speaks HTTPS; say which host (a Host field is missing)\n",
            },
        };
        self.answer_head(token, head, begin, &answer)
    }
}

/// The same with `https` and its port, if the request names a host.
fn location(parsed: &Parsed, port: u16) -> Option<Vec<u8>> {
    let named = parsed.fields.iter().find(|field| field.name.eq_ignore_ascii_case("host"));
    let authority = parsed.target.authority.or(named.map(|field| field.value))?;
    let end = match authority.iter().rposition(|&byte| byte == b']') {
        Some(bracket) => bracket + 1, // of an IPv6 address
        None => memchr::memchr(b':', authority).unwrap_or(authority.len()),
    };
    let host = authority.get(..end).filter(|host| !host.is_empty())?;
    let mut url = [b"https://", host].concat();
    if port != 443 {
        url.extend_from_slice(format!(":{port}").as_bytes());
    }
    let path = if parsed.target.path.starts_with(b"/") { parsed.target.path } else { b"/" };
    url.extend_from_slice(path);
    if !parsed.target.query.is_empty() {
        url.push(b'?');
        url.extend_from_slice(parsed.target.query);
    }
    Some(url)
}
