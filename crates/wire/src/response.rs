//! The response: its head, its framing, and the promises the application must keep.
//!
//! ```text
//!   Waiting ──open──► Opened ──frame──► Length(n) ─► Length(0) ─┐
//!                               ├─────► Chunked ────────────────┼─finish─► Done
//!                               ├─────► UntilClose ─────────────┤
//!                               └─────► Bodyless ───────────────┘
//! ```
//! `open` checks and encodes what the application gave; `frame` adds what only the first body
//! message decides (length or chunks) and ends the head.

use crate::date;
use crate::head::{is_token_byte, list};
use crate::reject::reason;

/// What the response has to know of its request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    pub is_head: bool,
    /// 0 or 1: the x of HTTP/1.x; 2 for HTTP/2, which delimits bodies itself.
    pub minor: u8,
    /// May the connection go on, for all that the request and the server know?
    pub keep_alive: bool,
}

/// What the server adds to every head.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    pub date: Option<&'a [u8; date::LEN]>,
    pub server: bool,
    /// Strict-Transport-Security (RFC 6797), for what goes out over TLS.
    pub transport_security: Option<&'a str>,
}

/// How the body goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Opened,
    Length(u64),
    Chunked,
    UntilClose,
    /// HEAD, 204, 304: body bytes are swallowed.
    Bodyless,
    Done,
}

/// A promise the application broke. Its bytes never reach the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Status,
    FieldName,
    FieldValue,
    LengthInvalid,
    LengthsDiffer,
    TooLong,
    TooShort,
    NotBegun,
    Ended,
}

impl Fault {
    /// One sentence that names the application's mistake.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Status => "the status must be between 200 and 999",
            Self::FieldName => "a response header name is not a token (RFC 9110 section 5.6.2)",
            Self::FieldValue => "a response header value has CR, LF or NUL in it",
            Self::LengthInvalid => "the response's Content-Length is not a decimal number",
            Self::LengthsDiffer => "the response has two Content-Length values that differ",
            Self::TooLong => "the response body is longer than its Content-Length",
            Self::TooShort => "the response body is shorter than its Content-Length",
            Self::NotBegun => "a body was given before a response was begun, or after that failed",
            Self::Ended => "a body was given after the end of the response",
        }
    }
}

/// The response of one request.
#[derive(Debug)]
pub struct Response {
    state: State,
    asked: Asked,
    status: u16,
    length: Option<u64>,
    has_date: bool,
    has_server: bool,
    has_transport_security: bool,
    /// Bytes of body that went out, framing apart.
    body_bytes: u64,
    /// May the connection go on once this response is out?
    keep_alive: bool,
}

/// Bytes around one piece of body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wrap {
    prefix: [u8; 18],
    prefix_len: u8,
    suffix: &'static [u8],
    /// How much of the piece goes out: all of it, or nothing when there is no body.
    pub skip: bool,
}

impl Wrap {
    pub fn prefix(&self) -> &[u8] {
        &self.prefix[..self.prefix_len as usize]
    }

    pub fn suffix(&self) -> &'static [u8] {
        self.suffix
    }
}

impl Response {
    pub fn new(asked: Asked) -> Self {
        Self {
            state: State::Waiting,
            asked,
            status: 0,
            length: None,
            has_date: false,
            has_server: false,
            has_transport_security: false,
            body_bytes: 0,
            keep_alive: asked.keep_alive,
        }
    }

    /// Has the application not begun?
    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Is the head held back until the first body message?
    pub fn is_opened(&self) -> bool {
        self.state == State::Opened
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Has all of it been given: ended, or as much as the declared length says?
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::Done | State::Length(0))
    }

    pub fn is_chunked(&self) -> bool {
        self.state == State::Chunked
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// Is it the answer to a HEAD request?
    pub fn is_to_head(&self) -> bool {
        self.asked.is_head
    }

    /// The Content-Length that the application has declared.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Bytes of body that went out so far, framing apart.
    pub fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Stands for a response that was given in the application's place.
    pub fn replaced_by(&mut self, other: &Replacement) {
        self.status = other.status;
        self.body_bytes = other.body_bytes;
        self.abandon();
    }

    /// May the connection serve another request afterwards?
    pub fn keeps_alive(&self) -> bool {
        self.keep_alive
    }

    /// End the connection after this response, whatever was said before.
    pub fn close_after(&mut self) {
        self.asked.keep_alive = false; // also if the application starts anew
        self.keep_alive = false;
    }

    /// Forgets what the application began, as long as nothing of it is out.
    pub fn reopen(&mut self) {
        *self = Self::new(self.asked);
    }

    /// May 1xx responses come before it? HTTP/1.0 knows none (RFC 9110 §15.2).
    pub fn speaks_interim(&self) -> bool {
        self.asked.minor >= 1
    }

    /// Writes the status line to `out`; `reason` as given, else the standard one.
    pub fn open(
        &mut self,
        status: u16,
        phrase: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        debug_assert!(self.is_waiting());
        if !(200..=999).contains(&status) {
            return Err(Fault::Status);
        }
        self.status = status;
        status_line(status, phrase.unwrap_or_else(|| reason(status).as_bytes()), out)?;
        self.state = State::Opened;
        Ok(())
    }

    /// Checks one field of the application and writes it to `out`, unless framing is ours to say.
    pub fn field(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        check_field(name, value)?;
        let value = value.trim_ascii();
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"date") => self.has_date = true,
            6 if name.eq_ignore_ascii_case(b"server") => self.has_server = true,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.keep_alive &= !list(value).any(|word| word.eq_ignore_ascii_case(b"close"));
                return Ok(());
            }
            10 if name.eq_ignore_ascii_case(b"keep-alive") => return Ok(()),
            14 if name.eq_ignore_ascii_case(b"content-length") => return self.declare(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => return Ok(()),
            25 if name.eq_ignore_ascii_case(b"strict-transport-security") => {
                self.has_transport_security = true;
            }
            _ => {}
        }
        write_field(name, value, out);
        Ok(())
    }

    fn declare(&mut self, value: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(value).map_err(|_| Fault::LengthInvalid)?;
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(Fault::LengthInvalid);
        }
        let length = text.parse().map_err(|_| Fault::LengthInvalid)?;
        match self.length.replace(length) {
            Some(earlier) if earlier != length => Err(Fault::LengthsDiffer),
            _ => Ok(()),
        }
    }

    /// Ends the head. `whole` is the length of the body if the application has given all of it.
    pub fn frame(&mut self, whole: Option<u64>, stamp: Stamp, out: &mut Vec<u8>) {
        debug_assert!(self.is_opened());
        let no_body = self.asked.is_head || matches!(self.status, 204 | 304);
        let length = match (self.status, self.length, whole) {
            (204, _, _) => None, // RFC 9110 §8.6: MUST NOT send Content-Length
            (_, Some(length), _) => Some(length),
            (304, None, _) => None,
            (_, None, whole) => whole,
        };
        if let Some(length) = length {
            write_field(b"content-length", itoa::Buffer::new().format(length).as_bytes(), out);
        }
        self.state = match length {
            _ if no_body => State::Bodyless,
            Some(length) => State::Length(length),
            None if self.asked.minor == 1 => {
                write_field(b"transfer-encoding", b"chunked", out);
                State::Chunked
            }
            None => {
                self.keep_alive = false;
                State::UntilClose
            }
        };
        self.write_stamp(stamp, out);
        if !self.keep_alive {
            out.extend_from_slice(b"connection: close\r\n");
        } else if self.asked.minor == 0 {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }

    fn write_stamp(&self, stamp: Stamp, out: &mut Vec<u8>) {
        if let (Some(date), false) = (stamp.date, self.has_date) {
            out.extend_from_slice(b"date: ");
            out.extend_from_slice(date);
            out.extend_from_slice(b"\r\n");
        }
        if stamp.server && !self.has_server {
            out.extend_from_slice(b"server: tricorn\r\n");
        }
        if let (Some(value), false) = (stamp.transport_security, self.has_transport_security) {
            write_field(b"strict-transport-security", value.as_bytes(), out);
        }
    }

    /// Begins the answer with which the connection turns to another protocol (RFC 9110 §15.2.2):
    /// 101, or 200 where CONNECT asked for it. `fields` are those of the handshake.
    pub fn switch<'a>(
        &mut self,
        status: u16,
        fields: impl Iterator<Item = (&'static [u8], &'a [u8])>,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        debug_assert!(self.is_waiting());
        self.status = status;
        status_line(status, reason(status).as_bytes(), out)?;
        for (name, value) in fields {
            check_field(name, value)?;
            write_field(name, value, out);
        }
        self.state = State::Opened;
        Ok(())
    }

    /// Ends that head: what follows is not HTTP.
    pub fn end_switch(&mut self, stamp: Stamp, out: &mut Vec<u8>) {
        self.state = State::UntilClose;
        self.keep_alive = false;
        self.write_stamp(stamp, out);
        out.extend_from_slice(b"\r\n");
    }

    /// Accounts for a piece of body and says what goes around it.
    pub fn piece(&mut self, length: usize) -> Result<Wrap, Fault> {
        let wrap = self.wrap(length)?;
        if !wrap.skip {
            self.body_bytes += length as u64;
        }
        Ok(wrap)
    }

    fn wrap(&mut self, length: usize) -> Result<Wrap, Fault> {
        match &mut self.state {
            State::Length(left) => {
                *left = left.checked_sub(length as u64).ok_or(Fault::TooLong)?;
                Ok(Wrap::default())
            }
            State::Chunked if length > 0 => Ok(chunk(length)),
            State::Bodyless => Ok(Wrap { skip: true, ..Wrap::default() }),
            State::Chunked | State::UntilClose => Ok(Wrap::default()),
            State::Waiting | State::Opened => Err(Fault::NotBegun),
            State::Done => Err(Fault::Ended),
        }
    }

    /// Ends the body; `trailers` go out only where chunks can carry them. A body that is too short
    /// can't be mended: the connection has to close, so that the client notices.
    pub fn finish(
        &mut self,
        trailers: &[(Vec<u8>, Vec<u8>)],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let state = std::mem::replace(&mut self.state, State::Done);
        match state {
            State::Chunked => {
                out.extend_from_slice(b"0\r\n");
                for (name, value) in trailers {
                    write_field(name, value, out);
                }
                out.extend_from_slice(b"\r\n");
            }
            State::Length(left) if left > 0 => {
                self.keep_alive = false;
                return Err(Fault::TooShort);
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing more goes out: the client has gone, or the application failed midway.
    pub fn abandon(&mut self) {
        self.keep_alive = false;
        self.state = State::Done;
    }
}

fn chunk(length: usize) -> Wrap {
    let mut wrap = Wrap { suffix: b"\r\n", ..Wrap::default() };
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4).max(1) as usize;
    for (place, slot) in wrap.prefix[..digits].iter_mut().rev().enumerate() {
        *slot = b"0123456789abcdef"[length >> (4 * place) & 15];
    }
    wrap.prefix[digits..digits + 2].copy_from_slice(b"\r\n");
    wrap.prefix_len = digits as u8 + 2;
    wrap
}

/// Checks a field that an application wants to send (RFC 9110 §5.5, §5.6.2).
pub fn check_field(name: &[u8], value: &[u8]) -> Result<(), Fault> {
    if name.is_empty() || !name.iter().all(|&byte| is_token_byte(byte)) {
        return Err(Fault::FieldName);
    }
    if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
        return Err(Fault::FieldValue);
    }
    Ok(())
}

/// `name: value CRLF`, unchecked.
pub fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn status_line(status: u16, phrase: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    if status == 200 && phrase == b"OK" {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return Ok(());
    }
    if memchr::memchr3(b'\r', b'\n', 0, phrase).is_some() {
        return Err(Fault::FieldValue);
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(phrase);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// An interim response (1xx) with checked fields (RFC 9110 §15.2).
pub fn interim(status: u16, fields: &[(Vec<u8>, Vec<u8>)], out: &mut Vec<u8>) -> Result<(), Fault> {
    status_line(status, reason(status).as_bytes(), out)?;
    for (name, value) in fields {
        check_field(name, value)?;
        write_field(name, value, out);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// A whole answer as it goes out.
pub struct Replacement {
    pub bytes: Vec<u8>,
    pub status: u16,
    /// Those of `bytes` that are its body.
    pub body_bytes: u64,
}

/// The whole answer to a request that is refused, or that ended without a response of its own.
pub fn refusal(
    status: u16,
    detail: &str,
    is_head: bool,
    field: Option<(&[u8], &[u8])>,
    stamp: Stamp,
) -> Replacement {
    let mut response = Response::new(Asked { is_head, minor: 1, keep_alive: false });
    let mut out = Vec::with_capacity(256);
    let body = format!("{status} {}\n{detail}\n", reason(status));
    // Our own status and fields: always valid.
    let _ = response.open(status, None, &mut out);
    let _ = response.field(b"content-type", b"text/plain; charset=utf-8", &mut out);
    if let Some((name, value)) = field {
        let _ = response.field(name, value, &mut out);
    }
    response.frame(Some(body.len() as u64), stamp, &mut out);
    let sent = if is_head { &[][..] } else { body.as_bytes() };
    out.extend_from_slice(sent);
    Replacement { bytes: out, status, body_bytes: sent.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { date: None, server: false, transport_security: None };

    fn asked(is_head: bool, minor: u8) -> Asked {
        Asked { is_head, minor, keep_alive: true }
    }

    fn send(asked: Asked, status: u16, fields: &[(&str, &str)], pieces: &[&str]) -> (String, bool) {
        let (mut response, mut out) = (Response::new(asked), Vec::new());
        response.open(status, None, &mut out).expect("status");
        for (name, value) in fields {
            response.field(name.as_bytes(), value.as_bytes(), &mut out).expect("field");
        }
        let whole = if let [one] = pieces { Some(one.len() as u64) } else { None };
        response.frame(whole, STAMP, &mut out);
        for piece in pieces {
            let wrap = response.piece(piece.len()).expect("piece");
            if !wrap.skip {
                out.extend_from_slice(wrap.prefix());
                out.extend_from_slice(piece.as_bytes());
                out.extend_from_slice(wrap.suffix());
            }
        }
        response.finish(&[], &mut out).expect("whole");
        (String::from_utf8(out).expect("text"), response.keeps_alive())
    }

    #[test]
    fn a_whole_body_gets_its_length() {
        let (text, keep) = send(asked(false, 1), 200, &[("A", "b")], &["hello"]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length: 5\r\n\r\nhello");
        assert!(keep);
    }

    #[test]
    fn pieces_go_in_chunks_or_until_close() {
        let (text, keep) = send(asked(false, 1), 200, &[], &["hello", "", "0123456789abcdefg"]);
        assert_eq!(
            text,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"
        );
        assert!(keep);
        let (text, keep) = send(asked(false, 0), 200, &[], &["a", "b"]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nab");
        assert!(!keep);
    }

    #[test]
    fn no_body_where_none_may_be() {
        let (text, _) = send(asked(true, 1), 200, &[], &["hello"]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
        let (text, _) = send(asked(false, 1), 204, &[("content-length", "0")], &[""]);
        assert_eq!(text, "HTTP/1.1 204 No Content\r\n\r\n");
        let (text, _) = send(asked(false, 1), 304, &[("content-length", "9")], &[""]);
        assert_eq!(text, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n");
    }

    #[test]
    fn the_application_cannot_break_the_framing() {
        let fields = [("Transfer-Encoding", "gzip"), ("Connection", "x, close")];
        let (text, keep) = send(asked(false, 1), 200, &fields, &["a"]);
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na");
        assert!(!keep);
    }

    #[test]
    fn broken_promises() {
        let mut out = Vec::new();
        let mut response = Response::new(asked(false, 1));
        assert_eq!(response.open(99, None, &mut out), Err(Fault::Status));
        response.open(200, None, &mut out).expect("status");
        assert_eq!(response.field(b"a b", b"c", &mut out), Err(Fault::FieldName));
        assert_eq!(response.field(b"a", b"c\r\nd: e", &mut out), Err(Fault::FieldValue));
        assert_eq!(response.field(b"Content-Length", b"-1", &mut out), Err(Fault::LengthInvalid));
        response.field(b"Content-Length", b"3", &mut out).expect("length");
        assert_eq!(response.field(b"content-length", b"4", &mut out), Err(Fault::LengthsDiffer));
        assert!(!response.is_whole());
        let mut response = Response::new(asked(false, 1));
        response.close_after();
        response.reopen();
        assert!(!response.keeps_alive(), "a new start does not undo the close");
        let mut response = Response::new(asked(false, 1));
        response.open(200, None, &mut out).expect("status");
        response.field(b"Content-Length", b"3", &mut out).expect("length");
        response.frame(None, STAMP, &mut out);
        assert_eq!(response.piece(4).err(), Some(Fault::TooLong));
        assert_eq!(response.finish(&[], &mut out), Err(Fault::TooShort));
        assert!(!response.keeps_alive());
    }
}
