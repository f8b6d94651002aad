//! The four forms of a request target (RFC 9112 §3.2) and the host they name.

use crate::reject::Reject;

/// A request target taken apart; slices of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'b> {
    /// Path as sent (percent-encoded), `*` for the asterisk form.
    pub path: &'b [u8],
    /// After the first `?`, without it; empty when there is none.
    pub query: &'b [u8],
    /// Authority of an absolute-form target: it overrides Host (RFC 9112 §3.2.2).
    pub authority: Option<&'b [u8]>,
    /// The target whole.
    pub raw: &'b [u8],
}

/// Takes `raw` apart. `method` decides which forms are allowed.
pub fn parse<'b>(method: &[u8], raw: &'b [u8]) -> Result<Target<'b>, Reject> {
    if method == b"CONNECT" {
        return Err(Reject::Connect);
    }
    if !raw.iter().all(|&byte| byte > b' ' && byte < 0x7f && byte != b'#') {
        return Err(Reject::Target);
    }
    match raw.first() {
        Some(b'/') => Ok(split_query(raw, raw, None)),
        Some(b'*') if raw.len() == 1 && method == b"OPTIONS" => Ok(split_query(raw, raw, None)),
        Some(_) => absolute(method, raw),
        None => Err(Reject::Target),
    }
}

fn absolute<'b>(method: &[u8], raw: &'b [u8]) -> Result<Target<'b>, Reject> {
    let rest = without_scheme(raw).ok_or(Reject::Target)?;
    let end = rest.iter().position(|&byte| byte == b'/' || byte == b'?').unwrap_or(rest.len());
    let (authority, mut path) = rest.split_at(end);
    if authority.is_empty() || !is_host(authority) {
        return Err(Reject::Target);
    }
    if path.is_empty() {
        // RFC 9112 §3.2.4: OPTIONS on a bare authority asks about the server itself.
        path = if method == b"OPTIONS" { b"*" } else { b"/" };
    }
    if path[0] == b'?' {
        return Ok(Target { path: b"/", query: &path[1..], authority: Some(authority), raw });
    }
    Ok(split_query(path, raw, Some(authority)))
}

fn without_scheme(raw: &[u8]) -> Option<&[u8]> {
    [&b"http://"[..], b"https://"].iter().find_map(|scheme| {
        let (start, rest) = raw.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

fn split_query<'b>(text: &'b [u8], raw: &'b [u8], authority: Option<&'b [u8]>) -> Target<'b> {
    let (path, query) = match memchr::memchr(b'?', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b""[..]),
    };
    Target { path, query, authority, raw }
}

/// Is this a `uri-host [":" port]` (RFC 9110 §7.2)? User information, lists, paths and spaces
/// are not; an empty host is, since a client without an authority sends one.
pub fn is_host(value: &[u8]) -> bool {
    let (name, port) = match value.first() {
        Some(b'[') => match memchr::memchr(b']', value) {
            Some(end) => {
                if !is_ip_literal(&value[1..end]) {
                    return false;
                }
                (&b""[..], &value[end + 1..])
            }
            None => return false,
        },
        _ => {
            let colon = memchr::memchr(b':', value).unwrap_or(value.len());
            value.split_at(colon)
        }
    };
    name.iter().all(|&byte| is_reg_name(byte)) && is_port(port)
}

fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) if digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit) => {
            let number = digits.iter().fold(0, |sum, digit| 10 * sum + u32::from(digit - b'0'));
            number <= u32::from(u16::MAX)
        }
        Some(_) => false,
    }
}

/// IPv6, with a zone or without, or IPvFuture (RFC 3986 §3.2.2, RFC 6874).
fn is_ip_literal(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let unreserved = |text: &str| text.bytes().all(|byte| is_reg_name(byte) || byte == b':');
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        let Some((version, rest)) = future.split_once('.') else { return false };
        let hex = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        return hex && !rest.is_empty() && unreserved(rest);
    }
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    address.parse::<std::net::Ipv6Addr>().is_ok() && !zone.is_empty() && unreserved(zone)
}

fn is_reg_name(byte: u8) -> bool {
    // unreserved / pct-encoded / sub-delims, less the comma: a list is never one host.
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\'')
        || matches!(byte, b'(' | b')' | b'*' | b'+' | b';' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_form() {
        let target = parse(b"GET", b"/a%20b?x=1?y").expect("valid");
        assert_eq!((target.path, target.query), (&b"/a%20b"[..], &b"x=1?y"[..]));
    }

    #[test]
    fn absolute_form_overrides_the_host() {
        let target = parse(b"GET", b"HTTP://example.org:80?q").expect("valid");
        assert_eq!(target.authority, Some(&b"example.org:80"[..]));
        assert_eq!((target.path, target.query), (&b"/"[..], &b"q"[..]));
    }

    #[test]
    fn refused_targets() {
        for raw in [
            &b""[..],
            b"*",
            b"a",
            b"/#x",
            b"/\x80",
            b"http://",
            b"http:///x",
            b"ftp://a/",
            b"http://u@h/",
        ] {
            assert_eq!(parse(b"GET", raw), Err(Reject::Target), "{raw:?}");
        }
        assert_eq!(parse(b"CONNECT", b"a:1"), Err(Reject::Connect));
        assert!(parse(b"OPTIONS", b"*").is_ok());
    }

    #[test]
    fn hosts() {
        for good in [&b"a"[..], b"", b"a.b:80", b"[::1]:8", b"[fe80::1%25eth0]", b"a:", b"1.2.3.4"]
        {
            assert!(is_host(good), "{good:?}");
        }
        for bad in [
            &b"a b"[..],
            b"a,b",
            b"a/b",
            b"u@h",
            b"a:b",
            b"[::1",
            b"a:123456",
            b"a:65536",
            b"a:+80",
            b"[]",
            b"[::1]x",
            b"[a.test]",
            b"[1.2.3.4]",
            b"a:1:2",
        ] {
            assert!(!is_host(bad), "{bad:?}");
        }
    }
}
