//! Heads between the two protocols: a request of HTTP/2 as the text that HTTP/1.1 has for it, a
//! response the other way.
//!
//! So one parser with one set of rules, limits and statuses serves both, and what looks at heads
//! (health, admission, logs) knows one form. The text can't be taken for two requests: every part
//! has been checked by `h2` to have no line end, and its length is known, not searched for.

use h2::ext::Protocol;
use http::header::{HeaderMap, HeaderName, HeaderValue, COOKIE, HOST};
use http::{request, Method, Response, StatusCode};

use crate::seen;

/// The head of a response is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong;

/// Does an extended CONNECT ask for a WebSocket (RFC 8441)?
pub(crate) fn connects_websocket(parts: &request::Parts) -> bool {
    parts.extensions.get::<Protocol>().is_some_and(|protocol| protocol.as_str() == "websocket")
}

/// The request as a head of HTTP/1.1. An extended CONNECT for a WebSocket is shown as the GET that
/// it stands for.
pub(crate) fn write_request(parts: &request::Parts, out: &mut Vec<u8>) {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let method = if connects_websocket(parts) { &Method::GET } else { &parts.method };
    let target = match parts.uri.path_and_query() {
        _ if *method == Method::CONNECT => authority.unwrap_or("/"),
        Some(target) => target.as_str(),
        None => "/",
    };
    for piece in [method.as_str(), " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    if let Some(authority) = authority {
        write_field(b"host", authority.as_bytes(), out);
    }
    for (name, value) in &parts.headers {
        match *name {
            // One that differs goes out too, and is refused as the second Host that it is.
            HOST if authority.is_some_and(|known| is_same(known, value)) => {}
            COOKIE => {}
            _ => write_field(name.as_str().as_bytes(), value.as_bytes(), out),
        }
    }
    write_cookies(&parts.headers, out);
    out.extend_from_slice(b"\r\n");
}

fn is_same(authority: &str, host: &HeaderValue) -> bool {
    authority.as_bytes().eq_ignore_ascii_case(host.as_bytes())
}

/// Cookies that came in pieces are one field (RFC 9113 section 8.2.3).
fn write_cookies(fields: &HeaderMap, out: &mut Vec<u8>) {
    let mut crumbs = fields.get_all(COOKIE).iter();
    let Some(first) = crumbs.next() else { return };
    out.extend_from_slice(b"cookie: ");
    out.extend_from_slice(first.as_bytes());
    for crumb in crumbs {
        out.extend_from_slice(b"; ");
        out.extend_from_slice(crumb.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    tricorn_wire::response::write_field(name, value, out);
}

/// Reads the head that `text` begins with, as our own response writes it; says how long it is.
pub(crate) fn read_response(text: &[u8]) -> Result<(Response<()>, usize), Wrong> {
    let mut lines = Lines(text);
    let line = lines.next().ok_or(Wrong)?;
    let code = line.get(9..12).ok_or(Wrong)?;
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_bytes(code).map_err(|_| Wrong)?;
    let fields = response.headers_mut();
    for line in &mut lines {
        if line.is_empty() {
            return Ok((response, text.len() - lines.0.len()));
        }
        if let Some((name, value)) = seen::field(line)? {
            fields.try_append(name, value).map_err(|_| Wrong)?;
        }
    }
    Err(Wrong)
}

/// Trailers or other fields, as a map; those that are about a connection are left out.
pub(crate) fn fields(fields: &[(Vec<u8>, Vec<u8>)]) -> Result<HeaderMap, Wrong> {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name).map_err(|_| Wrong)?;
        if !is_of_connection(&name) {
            let value = HeaderValue::from_bytes(value.trim_ascii()).map_err(|_| Wrong)?;
            map.try_append(name, value).map_err(|_| Wrong)?;
        }
    }
    Ok(map)
}

/// RFC 9113 section 8.2.2: such fields are not sent. `te` is a request's.
pub(crate) fn is_of_connection(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "te" | "transfer-encoding" | "upgrade"
    )
}

/// Lines that end in CRLF; the rest of the text after them.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.0)?;
        let line = self.0[..end].strip_suffix(b"\r")?;
        self.0 = &self.0[end + 1..];
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: http::request::Builder) -> String {
        let (parts, ()) = request.body(()).expect("request").into_parts();
        let mut out = Vec::new();
        write_request(&parts, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn requests_as_text() {
        let request = http::Request::get("https://a.example/b?c=d").header("x-y", "z");
        assert_eq!(text(request), "GET /b?c=d HTTP/1.1\r\nhost: a.example\r\nx-y: z\r\n\r\n");
        let request = http::Request::get("https://a.example/").header("host", "A.example");
        assert_eq!(text(request), "GET / HTTP/1.1\r\nhost: a.example\r\n\r\n");
        let request = http::Request::get("https://a.example/").header("host", "b");
        assert_eq!(text(request), "GET / HTTP/1.1\r\nhost: a.example\r\nhost: b\r\n\r\n");
        let request = http::Request::get("/").header("cookie", "a=1").header("cookie", "b=2");
        assert_eq!(text(request), "GET / HTTP/1.1\r\ncookie: a=1; b=2\r\n\r\n");
        let request = http::Request::options("*").header("host", "a");
        assert_eq!(text(request), "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n");
        let request = http::Request::connect("a.example:443");
        let expected = "CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n\r\n";
        assert_eq!(text(request), expected);
    }

    #[test]
    fn responses_from_text() {
        let given = b"HTTP/1.1 404 Not Found\r\nX-A: b\r\nconnection: close\r\nset-cookie: a\r\n\
                      Set-Cookie:  b \r\n\r\nbody";
        let (response, length) = read_response(given).expect("a head");
        assert_eq!(response.status(), 404);
        assert_eq!(&given[length..], b"body");
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a", "b"]);
        assert_eq!(response.headers().len(), 3);
        for wrong in [&b"HTTP/1.1 200 OK\r\n"[..], b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nx\r\n\r\n"] {
            assert_eq!(read_response(wrong).err(), Some(Wrong));
        }
        assert!(read_response(b"HTTP/1.1 200 OK\r\na: \x01\r\n\r\n").is_err());
    }
}
