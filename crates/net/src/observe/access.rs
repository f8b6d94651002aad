//! The access log: Gunicorn's format atoms or JSON, written without Python.
//!
//! The request's half of a line is rendered when the request begins, while its head is at hand; what
//! only the response knows is put in between when it ends. Lines gather in a buffer that goes out
//! in one write(2) per round of the reactor (`lines`).

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Instant;

use tricorn_wire::head::Head;
use tricorn_wire::response::Response;

use crate::listen::via::Via;
use crate::observe::lines::Lines;
use crate::sys;

mod refused;

pub use refused::Refused;

/// Drafts that are kept for requests to come, and how large one may be.
const SPARE: usize = 64;
const SPARE_BYTES: usize = 4096;
/// Shorter values of a line that is too long stay as they are.
const SHORT: usize = 128;
const CUT: &str = "…";
/// More than what only the response knows takes in JSON: status, bytes and time.
const ANSWERED: usize = 64;

/// What a request is asked for when the response is not there: the client left before it began.
const CLIENT_LEFT: u16 = 499;

/// A part of a line that the request knows.
enum Asked {
    Text(Vec<u8>),
    Remote,
    User,
    Id,
    Time,
    RequestLine,
    Method,
    Path,
    Query,
    Protocol,
    Field(String),
    /// An environ variable of WSGI.
    Variable(String),
}

/// A part of a line that the response knows.
#[derive(Clone)]
enum Answered {
    Status,
    /// What colours the text behind it by the status, on a terminal.
    Color,
    Bytes,
    BytesOrDash,
    Seconds,
    Milliseconds,
    Microseconds,
    DecimalSeconds,
    Field(Vec<u8>),
}

enum Segment {
    Asked(Asked),
    Answered(Answered),
}

/// How values are written so that they can't break out of their place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Text,
    Json,
}

/// A line in the making.
#[derive(Default)]
pub struct Draft {
    text: Vec<u8>,
    /// Where in `text` each answered part goes, in order.
    places: Vec<usize>,
    /// Where in `text` long values are, without their quotes.
    long: Vec<Range<usize>>,
    /// Response fields that the format wants, in order.
    fields: Vec<Option<Vec<u8>>>,
    start: Option<Instant>,
}

pub struct AccessLog {
    pub(crate) lines: Lines,
    parts: Vec<Segment>,
    answered: Vec<Answered>,
    escape: Escape,
    exclude: Vec<Vec<u8>>,
    #[expect(clippy::vec_box, reason = "they go to connections and come back as they are")]
    spare: Vec<Box<Draft>>,
    /// The time as text, and the second it is for.
    time: (u64, String),
}

impl AccessLog {
    /// `format` has been checked by the configuration; `json` stands for a JSON object per line; with
    /// the id of the request, if they have some.
    pub fn new(file: OwnedFd, format: &str, exclude: Vec<String>, has_ids: bool) -> Self {
        let escape = if format == "json" { Escape::Json } else { Escape::Text };
        let parts = match escape {
            Escape::Json if has_ids => parse(&JSON.replace('}', r#","request_id":%(id)s}"#)),
            Escape::Json => parse(JSON),
            Escape::Text => parse(format),
        };
        let answered = parts
            .iter()
            .filter_map(|part| match part {
                Segment::Answered(answered) => Some(answered.clone()),
                Segment::Asked(_) => None,
            })
            .collect();
        Self {
            lines: Lines::new(file),
            parts,
            answered,
            escape,
            exclude: exclude.into_iter().map(String::into_bytes).collect(),
            spare: Vec::new(),
            time: (0, String::new()),
        }
    }

    /// Goes on for the one before, whose file was rotated away.
    #[must_use]
    pub fn after(mut self, before: Option<Self>) -> Self {
        if let Some(before) = before {
            self.lines.inherit(before.lines);
        }
        self
    }

    /// Writes the last lines; says how many are lost.
    pub fn finish(&mut self) -> Option<String> {
        self.lines.finish()
    }

    /// The environ variables that the format wants.
    pub fn variables(&self) -> Vec<String> {
        let name = |part: &Segment| match part {
            Segment::Asked(Asked::Variable(name)) => Some(name.clone()),
            _ => None,
        };
        self.parts.iter().filter_map(name).collect()
    }

    /// Renders what a request knows; None if its path is left out.
    pub fn begin(
        &mut self,
        head: &Head,
        via: &Via,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Box<Draft>> {
        if self.exclude.iter().any(|path| path == head.target.path) {
            return None;
        }
        Some(self.draft(&|asked| asked.value(head, via, variable)))
    }

    /// The same for a request that is refused before it was understood.
    pub fn begin_refused(&mut self, refused: &Refused) -> Option<Box<Draft>> {
        if self.exclude.iter().any(|path| Some(path.as_slice()) == refused.path()) {
            return None;
        }
        Some(self.draft(&|asked| refused.value(asked)))
    }

    fn draft(&mut self, value: &dyn Fn(&Asked) -> Option<Vec<u8>>) -> Box<Draft> {
        self.refresh_time();
        let mut draft = self.spare.pop().unwrap_or_default();
        draft.start = Some(Instant::now());
        for part in &self.parts {
            match part {
                Segment::Answered(_) => draft.places.push(draft.text.len()),
                Segment::Asked(asked) => {
                    let value = match asked {
                        Asked::Time => Some(self.time.1.as_bytes().to_vec()),
                        _ => value(asked),
                    };
                    let begin = draft.text.len();
                    match asked {
                        Asked::Text(text) => draft.text.extend_from_slice(text),
                        _ => escape(self.escape, value.as_deref(), &mut draft.text),
                    }
                    if self.escape == Escape::Json && draft.text.len() > begin + SHORT {
                        draft.long.push(begin + 1..draft.text.len() - 1);
                    }
                }
            }
        }
        draft
    }

    /// Notes the response fields that the format wants, from the head as it goes out.
    pub fn note_fields(&self, draft: &mut Draft, head: &[u8]) {
        for answered in &self.answered {
            if let Answered::Field(name) = answered {
                draft.fields.push(find_field(head, name));
            }
        }
    }

    /// Completes the line.
    pub fn end(&mut self, mut draft: Box<Draft>, response: &Response) {
        let micros = draft.start.map_or(0, |start| start.elapsed().as_micros() as u64);
        if let Some(longest) = self.lines.longest() {
            draft.shorten(longest);
        }
        let line = &mut self.lines.text;
        let (mut at, begin) = (0, line.len());
        let mut fields = std::mem::take(&mut draft.fields).into_iter();
        for (answered, place) in self.answered.iter().zip(&draft.places) {
            line.extend_from_slice(&draft.text[at..*place]);
            at = *place;
            let status = if response.status() == 0 { CLIENT_LEFT } else { response.status() };
            let bytes = response.body_bytes();
            let number = match answered {
                Answered::Status => status.to_string(),
                Answered::Color => color(status).to_owned(),
                Answered::Bytes => bytes.to_string(),
                Answered::BytesOrDash if bytes == 0 => "-".into(),
                Answered::BytesOrDash => bytes.to_string(),
                Answered::Seconds => (micros / 1_000_000).to_string(),
                Answered::Milliseconds => (micros / 1_000).to_string(),
                Answered::Microseconds => micros.to_string(),
                Answered::DecimalSeconds => {
                    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
                }
                Answered::Field(_) => {
                    escape(self.escape, fields.next().flatten().as_deref(), line);
                    continue;
                }
            };
            line.extend_from_slice(number.as_bytes());
        }
        line.extend_from_slice(&draft.text[at..]);
        if let Some(longest) = self.lines.longest() {
            self.lines.text.truncate(begin + longest - 1); // no JSON: nothing else is that long
        }
        self.lines.text.push(b'\n');
        self.lines.end(begin);
        if self.spare.len() < SPARE && draft.text.capacity() <= SPARE_BYTES {
            draft.text.clear();
            draft.places.clear();
            draft.long.clear();
            self.spare.push(draft);
        }
    }

    fn refresh_time(&mut self) {
        let seconds = sys::unix_seconds();
        if seconds != self.time.0 {
            self.time = match self.escape {
                Escape::Text => (seconds, format!("[{}]", sys::local_time(seconds, LOG_TIME))),
                Escape::Json => (seconds, sys::local_time(seconds, ISO_TIME)),
            };
        }
    }
}

impl Draft {
    /// Makes room for a line of so many bytes by cutting long values, the longest first.
    fn shorten(&mut self, longest: usize) {
        let most = longest.saturating_sub(ANSWERED);
        while self.text.len() > most {
            let length = |at: &usize| self.long[*at].len();
            let Some(at) = (0..self.long.len()).max_by_key(length) else { return };
            let Range { start, end } = self.long[at].clone();
            let excess = self.text.len() - most + CUT.len();
            let kept = start + whole(&self.text[start..end], (end - start).saturating_sub(excess));
            self.text.splice(kept..end, CUT.bytes());
            self.long.swap_remove(at);
            let gone = end - kept - CUT.len();
            let behind = |place: &mut usize| {
                if *place >= end {
                    *place -= gone;
                }
            };
            self.places.iter_mut().for_each(behind);
            self.long.iter_mut().flat_map(|one| [&mut one.start, &mut one.end]).for_each(behind);
        }
    }
}

/// How much of an escaped JSON string to keep so that it has about `most` bytes, and at least those
/// that are short anyway: no letter and no escape is cut.
fn whole(text: &[u8], most: usize) -> usize {
    let mut at = 0;
    while at < most.max(SHORT) {
        at += match text.get(at..) {
            Some([b'\\', b'u', ..]) => 6,
            Some([b'\\', ..]) => 2,
            Some([0..=0x7f, ..]) => 1,
            Some([0xc0..=0xdf, ..]) => 2,
            Some([0xe0..=0xef, ..]) => 3,
            Some([_, ..]) => 4,
            Some([]) | None => break,
        };
    }
    at.min(text.len())
}

const LOG_TIME: &std::ffi::CStr = c"%d/%b/%Y:%H:%M:%S %z";
const ISO_TIME: &std::ffi::CStr = c"%Y-%m-%dT%H:%M:%S%z";

const JSON: &str = concat!(
    r#"{"time":%(t)s,"remote":%(h)s,"method":%(m)s,"path":%(U)s,"query":%(q)s,"protocol":%(H)s,"#,
    r#""status":%(s)s,"bytes":%(B)s,"duration_us":%(D)s,"referer":%(f)s,"user_agent":%(a)s}"#
);

/// `%(h)s` and the like, `%%`, and text between them.
fn parse(format: &str) -> Vec<Segment> {
    let mut parts = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        push_text(&mut parts, &rest[..at]);
        rest = &rest[at..];
        let Some((name, after)) = rest.strip_prefix("%(").and_then(|name| name.split_once(")s"))
        else {
            push_text(&mut parts, "%");
            rest = rest.strip_prefix("%%").unwrap_or(&rest[1..]);
            continue;
        };
        parts.push(atom(name));
        rest = after;
    }
    push_text(&mut parts, rest);
    parts
}

fn push_text(parts: &mut Vec<Segment>, text: &str) {
    if !text.is_empty() {
        parts.push(Segment::Asked(Asked::Text(text.into())));
    }
}

/// Gunicorn's atoms (its documentation of `access_log_format`).
fn atom(name: &str) -> Segment {
    let asked = match name {
        "h" => Asked::Remote,
        "u" => Asked::User,
        "id" => Asked::Id,
        "t" => Asked::Time,
        "r" => Asked::RequestLine,
        "m" => Asked::Method,
        "U" => Asked::Path,
        "q" => Asked::Query,
        "H" => Asked::Protocol,
        "f" => Asked::Field("referer".into()),
        "a" => Asked::Field("user-agent".into()),
        "p" => Asked::Text(format!("<{}>", std::process::id()).into()),
        "s" => return Segment::Answered(Answered::Status),
        "color" => return Segment::Answered(Answered::Color),
        "B" => return Segment::Answered(Answered::Bytes),
        "b" => return Segment::Answered(Answered::BytesOrDash),
        "T" => return Segment::Answered(Answered::Seconds),
        "M" => return Segment::Answered(Answered::Milliseconds),
        "D" => return Segment::Answered(Answered::Microseconds),
        "L" => return Segment::Answered(Answered::DecimalSeconds),
        _ => match name.strip_prefix('{').and_then(|name| name.split_once('}')) {
            Some((field, "i")) => Asked::Field(field.to_ascii_lowercase()),
            Some((field, "o")) => {
                return Segment::Answered(Answered::Field(field.to_ascii_lowercase().into()));
            }
            Some((variable, "e")) => Asked::Variable(variable.into()),
            _ => Asked::Text(b"-".to_vec()), // "l", and whatever a newer format may bring
        },
    };
    Segment::Asked(asked)
}

/// Green, cyan, yellow and red (ECMA-48, 8.3.117).
fn color(status: u16) -> &'static str {
    match status / 100 {
        1 | 2 => "\x1b[32m",
        3 => "\x1b[36m",
        4 => "\x1b[33m",
        _ => "\x1b[31m",
    }
}

impl Asked {
    fn value(
        &self,
        head: &Head,
        via: &Via,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Vec<u8>> {
        let protocol = match head.minor {
            0 => "HTTP/1.0",
            1 => "HTTP/1.1",
            _ => "HTTP/2",
        };
        Some(match self {
            Self::Text(_) | Self::Time => return None,
            Self::Remote => via.client?.ip().to_canonical().to_string().into(),
            Self::User => user(field(head, "authorization")?)?,
            Self::Id => via.id.as_deref()?.into(),
            Self::RequestLine => {
                [head.method.as_bytes(), b" ", head.target.raw, b" ", protocol.as_bytes()].concat()
            }
            Self::Method => head.method.into(),
            Self::Path => head.target.path.to_vec(),
            Self::Query => head.target.query.to_vec(),
            Self::Protocol => protocol.into(),
            Self::Field(name) => field(head, name)?.to_vec(),
            Self::Variable(name) => variable(name)?.into(),
        })
    }
}

fn field<'b>(head: &Head<'b, '_>, name: &str) -> Option<&'b [u8]> {
    let found = head.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    found.map(|field| field.value)
}

/// The value of a field in an encoded head; `name` is in lower case.
pub(crate) fn find_field(head: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    head.split(|&byte| byte == b'\n').skip(1).find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let found = line[..colon].eq_ignore_ascii_case(name);
        found.then(|| line[colon + 1..].trim_ascii().to_vec())
    })
}

/// The user of `Basic` credentials (RFC 7617 §2).
fn user(authorization: &[u8]) -> Option<Vec<u8>> {
    let (scheme, credentials) = authorization.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = decode_base64(credentials.trim_ascii())?;
    let colon = memchr::memchr(b':', &decoded)?;
    Some(decoded[..colon].to_vec())
}

/// Base64 (RFC 4648 §4) with or without padding.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for byte in text.iter().take_while(|&&byte| byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}

/// Does a terminal obey it (C0 and C1), or turn the text behind it around (Unicode, UAX #9)?
fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A value in its place: quotes, backslashes and control bytes can't end it or forge a line.
fn escape(how: Escape, value: Option<&[u8]>, out: &mut Vec<u8>) {
    match (how, value) {
        (Escape::Text, None) => out.push(b'-'),
        (Escape::Json, None) => out.extend_from_slice(b"null"),
        (Escape::Text, Some(value)) => value.iter().for_each(|&byte| match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }),
        (Escape::Json, Some(value)) => {
            out.push(b'"');
            for letter in String::from_utf8_lossy(value).chars() {
                match letter {
                    '"' | '\\' => out.extend_from_slice(&[b'\\', letter as u8]),
                    letter if is_obeyed(letter) => {
                        out.extend_from_slice(format!("\\u{:04x}", letter as u32).as_bytes());
                    }
                    _ => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            out.push(b'"');
        }
    }
}
