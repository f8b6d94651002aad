//! A request head: bytes in, method, target, fields and what follows from them out.
//!
//! `httparse` splits the lines; it is strict but for bare LF line ends and for empty lines before
//! the request line, so [`find_end`] looks at every line end first. The rules above the lines,
//! those that decide where the request ends, are here.

use std::mem::MaybeUninit;

use crate::limits::{Limits, MAX_FIELDS};
use crate::reject::Reject;
use crate::target::{self, Target};

/// A header field; slices of the head, outer white space removed.
pub type Field<'b> = httparse::Header<'b>;

/// How the body is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// This many bytes; 0 when the head announces no body.
    Length(u64),
    Chunked,
    /// Whoever carries it says where it ends: a stream of HTTP/2.
    UntilEnd,
}

/// A whole, valid request head.
#[derive(Debug)]
pub struct Head<'b, 's> {
    /// A token, case kept.
    pub method: &'b str,
    pub target: Target<'b>,
    /// 0 or 1: the x of HTTP/1.x; 2 for HTTP/2.
    pub minor: u8,
    /// In the order sent, names as sent.
    pub fields: &'s [Field<'b>],
    pub framing: Framing,
    pub has_host: bool,
    /// May the connection serve another request after this one?
    pub keep_alive: bool,
    /// Does the client wait for 100 (Continue)?
    pub expects_continue: bool,
    /// Is it an extended CONNECT for a WebSocket (RFC 8441), shown as the GET that it stands for?
    pub connects_websocket: bool,
}

/// Room for the fields of one head.
pub struct Slots<'b>([MaybeUninit<Field<'b>>; MAX_FIELDS]);

impl Slots<'_> {
    pub const fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; MAX_FIELDS])
    }
}

impl Default for Slots<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the head in `buf` ends (the byte after its empty line), or `None` while it is not whole.
/// `scanned` is what earlier calls have looked at already: start with 0, keep it between calls.
pub fn find_end(buf: &[u8], scanned: &mut usize, limits: &Limits) -> Result<Option<usize>, Reject> {
    let lead = leading_line(buf)?;
    // Only what the limits let in is looked at, so that it does not matter how much came at once.
    let window = &buf[..buf.len().min(limits.head)];
    // Method, version and two spaces need little; the rest of the line is the target.
    let first_line = limits.target + 64;
    if *scanned == 0 {
        if let Some(end) = find_whole(&window[..window.len().min(first_line)], lead) {
            return Ok(Some(end));
        }
    }
    while let Some(found) = memchr::memchr(b'\n', &window[*scanned..]) {
        let lf = *scanned + found;
        if *scanned <= lead && lf > first_line {
            return Err(Reject::TargetTooLong);
        }
        if lf == 0 || buf[lf - 1] != b'\r' {
            return Err(Reject::BareLf);
        }
        *scanned = lf + 1;
        if lf > lead && lf >= 3 && &buf[lf - 3..lf] == b"\r\n\r" {
            return Ok(Some(lf + 1));
        }
    }
    if *scanned > lead {
        *scanned = window.len();
    } else if window.len() > first_line {
        return Err(Reject::TargetTooLong);
    } else {
        *scanned = lead;
    }
    if buf.len() > limits.head {
        Err(Reject::HeadTooLarge)
    } else {
        Ok(None)
    }
}

/// The quick way for a head that came in one piece, as nearly all do: None if it is not whole, or
/// if a line end looks wrong; then the careful way says what it is.
fn find_whole(buf: &[u8], lead: usize) -> Option<usize> {
    let end = lead + memchr::memmem::find(&buf[lead..], b"\r\n\r\n")? + 4;
    // Without an early exit the compiler makes vector code of it.
    let bare_lf = |bytes: &[u8]| {
        let pairs = bytes.iter().zip(&bytes[1..]);
        pairs.fold(false, |bad, (&before, &byte)| bad | ((byte == b'\n') & (before != b'\r')))
    };
    (!bare_lf(&buf[..end])).then_some(end)
}

/// Length of the one empty line that RFC 9112 §2.2 lets a client send first.
fn leading_line(buf: &[u8]) -> Result<usize, Reject> {
    match buf {
        [b'\r', b'\n', b'\r', ..] => Err(Reject::ExtraLineBefore),
        [b'\r', b'\n', first, ..] | [first, ..] if is_token_byte(*first) => {
            Ok(if buf[0] == b'\r' { 2 } else { 0 })
        }
        [] | [b'\r'] => Ok(0),
        [b'\r', b'\n'] => Ok(2),
        [b'\n', ..] | [b'\r', b'\n', b'\n', ..] => Err(Reject::BareLf),
        _ => Err(Reject::RequestLine),
    }
}

/// The `tchar`s (RFC 9110 §5.6.2), one look each.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

/// Is this byte a `tchar`?
pub fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Reads the whole head in `buf`, which must end where [`find_end`] said.
pub fn parse<'b, 's>(
    buf: &'b [u8],
    slots: &'s mut Slots<'b>,
    limits: &Limits,
) -> Result<Head<'b, 's>, Reject> {
    let mut request = httparse::Request::new(&mut []);
    let slots = &mut slots.0[..limits.fields.min(MAX_FIELDS)];
    match request.parse_with_uninit_headers(buf, slots) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Reject::RequestLine),
        Err(error) => return Err(classify(error, buf)),
    }
    let (Some(method), Some(raw), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Reject::RequestLine);
    };
    if raw.len() > limits.target {
        return Err(Reject::TargetTooLong);
    }
    let target = target::parse(method.as_bytes(), raw.as_bytes())?;
    let fields: &'s [Field<'b>] = request.headers;
    let facts = Facts::collect(fields)?;
    if facts.host.is_none() && minor == 1 {
        return Err(Reject::HostMissing);
    }
    Ok(Head {
        method,
        target,
        minor,
        fields,
        framing: facts.framing(minor, limits)?,
        has_host: facts.host.is_some(),
        keep_alive: if minor == 1 { !facts.close } else { facts.keep_alive && !facts.close },
        expects_continue: facts.expects_continue && minor == 1,
        connects_websocket: false,
    })
}

fn classify(error: httparse::Error, buf: &[u8]) -> Reject {
    use httparse::Error;
    match error {
        Error::HeaderName => Reject::FieldName,
        Error::HeaderValue => Reject::FieldValue,
        Error::TooManyHeaders => Reject::TooManyFields,
        Error::Version if has_foreign_version(buf) => Reject::VersionUnsupported,
        Error::Version => Reject::Version,
        Error::NewLine => Reject::Fields,
        Error::Token | Error::Status => Reject::RequestLine,
    }
}

/// A well-formed `HTTP/d.d` that is not ours deserves 505 rather than 400 (RFC 9110 §15.6.6).
fn has_foreign_version(buf: &[u8]) -> bool {
    let start = if buf.starts_with(b"\r\n") { 2 } else { 0 };
    let line = buf[start..].split(|&byte| byte == b'\r').next().unwrap_or(b"");
    match line.rsplit(|&byte| byte == b' ').next() {
        Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]) => {
            let ours = *major == b'1' && matches!(minor, b'0' | b'1');
            major.is_ascii_digit() && minor.is_ascii_digit() && !ours
        }
        _ => false,
    }
}

/// What the fields that frame and route say.
#[derive(Default)]
struct Facts<'b> {
    host: Option<&'b [u8]>,
    length: Option<u64>,
    coding: Coding,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

/// What the transfer codings seen so far come to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    Absent,
    /// Not chunked: fine only if chunked follows, and unknown to us even then.
    Other,
    Chunked,
    /// Chunked after another coding.
    OtherThenChunked,
}

impl<'b> Facts<'b> {
    fn collect(fields: &[Field<'b>]) -> Result<Self, Reject> {
        let mut facts = Self::default();
        for field in fields {
            // Few names matter; their length tells most others apart at once.
            match field.name.len() {
                4 if is(field, "host") => facts.add_host(field.value)?,
                6 if is(field, "expect") => facts.add_expectation(field.value)?,
                10 if is(field, "connection") => facts.add_connection(field.value),
                14 if is(field, "content-length") => facts.add_length(field.value)?,
                17 if is(field, "transfer-encoding") => facts.add_coding(field.value)?,
                _ => {}
            }
        }
        Ok(facts)
    }

    fn add_host(&mut self, value: &'b [u8]) -> Result<(), Reject> {
        match self.host.replace(value) {
            Some(_) => Err(Reject::HostRepeated),
            None if !target::is_host(value) => Err(Reject::HostInvalid),
            None => Ok(()),
        }
    }

    fn add_expectation(&mut self, value: &[u8]) -> Result<(), Reject> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Reject::Expectation);
        }
        self.expects_continue = true;
        Ok(())
    }

    fn add_connection(&mut self, value: &[u8]) {
        for option in list(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// One number, however often it is repeated (RFC 9112 §6.3 item 5).
    fn add_length(&mut self, value: &[u8]) -> Result<(), Reject> {
        for text in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let number = decimal(text).ok_or(Reject::LengthInvalid)?;
            match self.length.replace(number) {
                Some(earlier) if earlier != number => return Err(Reject::LengthsDiffer),
                _ => {}
            }
        }
        Ok(())
    }

    fn add_coding(&mut self, value: &[u8]) -> Result<(), Reject> {
        for coding in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            self.coding = match (self.coding, chunked) {
                // Nothing may follow chunked; an empty member may hide one from others.
                (Coding::Chunked | Coding::OtherThenChunked, _) => {
                    return Err(Reject::CodingNotChunked);
                }
                _ if coding.is_empty() => return Err(Reject::CodingNotChunked),
                (Coding::Absent, true) => Coding::Chunked,
                (Coding::Other, true) => Coding::OtherThenChunked,
                (Coding::Absent | Coding::Other, false) => Coding::Other,
            };
        }
        Ok(())
    }

    fn framing(&self, minor: u8, limits: &Limits) -> Result<Framing, Reject> {
        match (self.coding, self.length) {
            (Coding::Absent, length) => match length.unwrap_or(0) {
                length if limits.body != 0 && length > limits.body => Err(Reject::BodyTooLarge),
                length => Ok(Framing::Length(length)),
            },
            (_, _) if minor == 0 => Err(Reject::CodingOnHttp10),
            (_, Some(_)) => Err(Reject::LengthWithCoding),
            (Coding::Chunked, None) => Ok(Framing::Chunked),
            (Coding::Other, None) => Err(Reject::CodingNotChunked),
            (Coding::OtherThenChunked, None) => Err(Reject::CodingUnknown),
        }
    }
}

fn is(field: &Field, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

/// The members of a comma-separated list, empty ones left out (RFC 9110 §5.6.1.2).
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// `1*DIGIT`, at most 19 of them: no sign, no space, no underscore.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (method, path, number of fields, framing, keep-alive, bytes taken)
    type Seen = (String, Vec<u8>, usize, Framing, bool, usize);

    fn read(bytes: &[u8], splits: &[usize], limits: &Limits) -> Result<Option<Seen>, Reject> {
        let mut scanned = 0;
        for upto in splits.iter().copied().chain([bytes.len()]) {
            if let Some(end) = find_end(&bytes[..upto], &mut scanned, limits)? {
                let mut slots = Slots::new();
                let head = parse(&bytes[..end], &mut slots, limits)?;
                return Ok(Some((
                    head.method.to_owned(),
                    head.target.path.to_vec(),
                    head.fields.len(),
                    head.framing,
                    head.keep_alive,
                    end,
                )));
            }
        }
        Ok(None)
    }

    fn all_ways(bytes: &[u8]) -> Result<Option<Seen>, Reject> {
        let limits = Limits::default();
        let whole = read(bytes, &[], &limits);
        let every: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(whole, read(bytes, &every, &limits), "byte by byte");
        for at in 0..bytes.len() {
            assert_eq!(whole, read(bytes, &[at], &limits), "split at {at}");
        }
        whole
    }

    #[test]
    fn a_plain_request() {
        let bytes = b"GET /a?b HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\nrest";
        let seen = all_ways(bytes).expect("valid").expect("whole");
        assert_eq!(
            seen,
            ("GET".into(), b"/a".to_vec(), 2, Framing::Length(0), true, bytes.len() - 4)
        );
    }

    #[test]
    fn one_empty_line_may_come_first() {
        assert!(all_ways(b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("valid").is_some());
        assert_eq!(
            all_ways(b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            Err(Reject::ExtraLineBefore)
        );
    }

    #[test]
    fn no_fields_at_all() {
        let seen = all_ways(b"GET / HTTP/1.0\r\n\r\n").expect("valid").expect("whole");
        assert_eq!((seen.2, seen.4), (0, false));
    }

    #[test]
    fn heads_that_are_refused() {
        for (text, reject) in [
            ("GET / HTTP/1.1\nHost: x\n\n", Reject::BareLf),
            ("GET / HTTP/1.1\r\nHost: x\n\r\n", Reject::BareLf),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", Reject::VersionUnsupported),
            ("GET / HTTP/1.2\r\nHost: x\r\n\r\n", Reject::VersionUnsupported),
            ("GET /  HTTP/1.1\r\nHost: x\r\n\r\n", Reject::Version),
            ("GET / HTTQ/1.1\r\nHost: x\r\n\r\n", Reject::Version),
            ("GET /\r\nHost: x\r\n\r\n", Reject::RequestLine),
            ("GET / HTTP/1.1\r\n\r\n", Reject::HostMissing),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", Reject::HostRepeated),
            ("GET / HTTP/1.1\r\nHost: x y\r\n\r\n", Reject::HostInvalid),
            ("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", Reject::FieldName),
            ("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", Reject::FieldName),
            ("GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", Reject::FieldValue),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n", Reject::LengthsDiffer),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n", Reject::LengthInvalid),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", Reject::LengthInvalid),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", Reject::LengthWithCoding),
            ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Reject::CodingOnHttp10),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", Reject::CodingNotChunked),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", Reject::CodingNotChunked),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Reject::CodingUnknown),
            ("GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", Reject::Expectation),
            ("G\x7fT / HTTP/1.1\r\nHost: x\r\n\r\n", Reject::RequestLine),
            ("\x16\x03\x01", Reject::RequestLine),
        ] {
            assert_eq!(all_ways(text.as_bytes()), Err(reject), "{text:?}");
        }
    }

    #[test]
    fn limits_of_the_head() {
        let limits = Limits { head: 100, fields: 2, target: 20, body: 10 };
        let read = |text: String| read(text.as_bytes(), &[], &limits);
        let host = "HTTP/1.1\r\nHost: x\r\n";
        assert_eq!(read(format!("GET /{} {host}\r\n", "a".repeat(20))), Err(Reject::TargetTooLong));
        assert_eq!(read(format!("GET /{}", "a".repeat(90))), Err(Reject::TargetTooLong));
        assert_eq!(
            read(format!("GET / {host}A: {}\r\n\r\n", "a".repeat(100))),
            Err(Reject::HeadTooLarge)
        );
        assert_eq!(read(format!("GET / {host}A: {}", "a".repeat(100))), Err(Reject::HeadTooLarge));
        assert_eq!(read(format!("GET / {host}A: b\r\nC: d\r\n\r\n")), Err(Reject::TooManyFields));
        assert_eq!(
            read(format!("GET / {host}Content-Length: 11\r\n\r\n")),
            Err(Reject::BodyTooLarge)
        );
        assert!(read(format!("GET / {host}Content-Length: 10\r\n\r\n")).is_ok());
    }

    #[test]
    fn limits_do_not_depend_on_the_split() {
        let limits = Limits { head: 200, fields: 9, target: 20, body: 0 };
        let host = "HTTP/1.1\r\nHost: x\r\n";
        for text in [
            format!("{} / {host}\r\n", "M".repeat(100)),
            format!("GET /{}\n{host}\r\n", "a".repeat(100)),
            format!("GET / {host}A: {}\nB: c\r\n\r\n", "a".repeat(200)),
            format!("GET / {host}A: {}\r\n\r\n", "a".repeat(163)),
        ] {
            let whole = read(text.as_bytes(), &[], &limits);
            let every: Vec<usize> = (0..text.len()).collect();
            assert_eq!(whole, read(text.as_bytes(), &every, &limits), "{text:?}");
        }
    }

    #[test]
    fn connection_options_in_any_place() {
        for (lines, keep) in [
            ("", true),
            ("Connection: keep-alive\r\n", true),
            ("Connection: x, CLOSE\r\n", false),
            ("Connection: x\r\nConnection: close\r\n", false),
        ] {
            let text = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
            assert_eq!(
                all_ways(text.as_bytes()).expect("valid").expect("whole").4,
                keep,
                "{lines}"
            );
        }
    }
}
