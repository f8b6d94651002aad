//! Lines of response heads seen before: most responses have the same few, letter by letter.
//!
//! A direct-mapped table for each thread, as the extension has one for the fields of requests. It never
//! grows, and long lines and cookies are not kept.

use std::cell::RefCell;

use http::header::{HeaderName, HeaderValue, SET_COOKIE};

use crate::text::{is_of_connection, Wrong};

const PLACES: usize = 64;
/// Longer lines repeat too seldom to be worth the memory.
const LONGEST: usize = 96;

struct Seen {
    line: Box<[u8]>,
    name: HeaderName,
    value: HeaderValue,
}

thread_local! {
    static LINES: RefCell<[Option<Seen>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// The field in `line`; None if it is about a connection, and so not for HTTP/2.
pub(crate) fn field(line: &[u8]) -> Result<Option<(HeaderName, HeaderValue)>, Wrong> {
    if line.len() > LONGEST {
        return read(line);
    }
    LINES.with_borrow_mut(|lines| {
        let place = &mut lines[hash(line) as usize % PLACES];
        match place {
            Some(seen) if *seen.line == *line => Ok(Some((seen.name.clone(), seen.value.clone()))),
            _ => {
                let Some((name, value)) = read(line)? else { return Ok(None) };
                if name != SET_COOKIE {
                    let (line, name, value) = (line.into(), name.clone(), value.clone());
                    *place = Some(Seen { line, name, value });
                }
                Ok(Some((name, value)))
            }
        }
    })
}

fn read(line: &[u8]) -> Result<Option<(HeaderName, HeaderValue)>, Wrong> {
    let colon = memchr::memchr(b':', line).ok_or(Wrong)?;
    let name = HeaderName::from_bytes(&line[..colon]).map_err(|_| Wrong)?;
    if is_of_connection(&name) {
        return Ok(None);
    }
    let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(|_| Wrong)?;
    Ok(Some((name, value)))
}

/// Looks at both ends only: the comparison that follows looks at everything.
fn hash(line: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let (Some(first), Some(last)) = (line.first_chunk::<8>(), line.last_chunk::<8>()) else {
        return line.len() as u64;
    };
    let ends = u64::from_le_bytes(*first).rotate_left(17) ^ u64::from_le_bytes(*last);
    (ends ^ line.len() as u64).wrapping_mul(MULTIPLIER) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(lines: &[&str]) -> Vec<String> {
        let read = |line: &&str| {
            let (name, value) = field(line.as_bytes()).expect("valid").expect("to be sent");
            format!("{name}={}", value.to_str().expect("text"))
        };
        lines.iter().map(read).collect()
    }

    #[test]
    fn a_line_that_was_seen_is_not_taken_for_another() {
        // The same ends and length, and so the same place.
        let lines = ["content-a: 1-to-the-end", "content-b: 2-to-the-end"];
        assert_eq!(hash(lines[0].as_bytes()), hash(lines[1].as_bytes()));
        for _ in 0..2 {
            assert_eq!(values(&lines), ["content-a=1-to-the-end", "content-b=2-to-the-end"]);
            assert_eq!(values(&["A: b", "a:b "]), ["a=b", "a=b"]);
            assert_eq!(field(b"connection: close").ok(), Some(None));
            assert!(field(b"a: \x01").is_err() && field(b"no colon").is_err());
        }
    }

    #[test]
    fn cookies_are_not_kept() {
        assert_eq!(values(&["set-cookie: a=secret"]), ["set-cookie=a=secret"]);
        let is_kept = |lines: &mut [Option<Seen>; PLACES]| {
            lines.iter().flatten().any(|seen| seen.name == SET_COOKIE)
        };
        assert!(!LINES.with_borrow_mut(is_kept));
    }
}
