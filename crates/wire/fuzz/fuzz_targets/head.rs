//! A head gives the same result however it is split, and one that is accepted keeps the rules.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricorn_wire::head::{find_end, is_token_byte, parse, Framing, Head, Slots};
use tricorn_wire::limits::Limits;
use tricorn_wire::reject::Reject;
use tricorn_wire::target::is_host;
use tricorn_wire_fuzz::{every_byte, plan};

/// All that a head says, in a form that outlives the buffer.
#[derive(Debug, PartialEq)]
struct Seen {
    end: usize,
    method: String,
    path: Vec<u8>,
    query: Vec<u8>,
    authority: Option<Vec<u8>>,
    minor: u8,
    fields: Vec<(String, Vec<u8>)>,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
}

fuzz_target!(|input: &[u8]| {
    let Some(plan) = plan(input) else { return };
    let whole = read(plan.bytes, &[plan.bytes.len()], &plan.limits);
    assert_eq!(whole, read(plan.bytes, &plan.cuts, &plan.limits), "cut at {:?}", plan.cuts);
    if let Some(every) = every_byte(plan.bytes.len()) {
        assert_eq!(whole, read(plan.bytes, &every, &plan.limits), "byte by byte");
    }
});

/// Reads a head of which more and more arrives; `None` when it never gets whole.
fn read(bytes: &[u8], cuts: &[usize], limits: &Limits) -> Result<Option<Seen>, Reject> {
    let mut scanned = 0;
    for &upto in cuts {
        if let Some(end) = find_end(&bytes[..upto], &mut scanned, limits)? {
            let mut slots = Slots::new();
            let head = parse(&bytes[..end], &mut slots, limits)?;
            check(&bytes[..end], &head, limits);
            return Ok(Some(seen(end, &head)));
        }
    }
    Ok(None)
}

fn seen(end: usize, head: &Head) -> Seen {
    Seen {
        end,
        method: head.method.to_owned(),
        path: head.target.path.to_vec(),
        query: head.target.query.to_vec(),
        authority: head.target.authority.map(<[u8]>::to_vec),
        minor: head.minor,
        fields: head.fields.iter().map(|f| (f.name.to_owned(), f.value.to_vec())).collect(),
        framing: head.framing,
        keep_alive: head.keep_alive,
        expects_continue: head.expects_continue,
    }
}

fn check(bytes: &[u8], head: &Head, limits: &Limits) {
    check_lines(bytes, head);
    assert!(bytes.len() <= limits.head && head.fields.len() <= limits.fields);
    check_target(head, limits);
    check_fields(head);
    check_host(head);
    check_framing(head, limits);
    check_persistence(head);
}

/// CR and LF come in pairs only, one pair for each line.
fn check_lines(bytes: &[u8], head: &Head) {
    let pairs = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    let count = |wanted: u8| bytes.iter().filter(|&&byte| byte == wanted).count();
    assert_eq!((pairs, pairs, 0), (count(b'\n'), count(b'\r'), count(0)));
    let lead = usize::from(bytes.starts_with(b"\r\n"));
    assert_eq!(pairs, lead + 1 + head.fields.len() + 1);
    assert!(bytes.ends_with(b"\r\n\r\n"));
}

fn check_target(head: &Head, limits: &Limits) {
    let target = &head.target;
    assert!(!head.method.is_empty() && head.method.bytes().all(is_token_byte));
    assert!(head.method != "CONNECT" && head.minor <= 1);
    assert!(target.raw.len() <= limits.target);
    assert!(target.raw.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'));
    assert!(!target.path.contains(&b'?'));
    match target.path.first() {
        Some(b'/') => {}
        Some(b'*') => assert!(target.path.len() == 1 && head.method == "OPTIONS"),
        _ => panic!("a path that begins with neither / nor *"),
    }
    if let Some(authority) = target.authority {
        assert!(!authority.is_empty() && is_host(authority));
    }
}

fn check_fields(head: &Head) {
    for field in head.fields {
        assert!(!field.name.is_empty() && field.name.bytes().all(is_token_byte));
        let allowed = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xff);
        assert!(field.value.iter().all(allowed));
        assert_eq!(field.value, field.value.trim_ascii());
    }
}

fn values<'h>(head: &'h Head, name: &'static str) -> impl Iterator<Item = &'h [u8]> {
    head.fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
}

fn check_host(head: &Head) {
    let hosts: Vec<&[u8]> = values(head, "host").collect();
    assert!(hosts.len() == 1 || head.minor == 0 && hosts.is_empty());
    assert_eq!(head.has_host, !hosts.is_empty());
    assert!(hosts.iter().all(|host| is_host(host)));
}

fn check_framing(head: &Head, limits: &Limits) {
    let lengths: Vec<&[u8]> = values(head, "content-length").collect();
    let codings: Vec<&[u8]> = values(head, "transfer-encoding").collect();
    match head.framing {
        Framing::Chunked => {
            assert!(lengths.is_empty() && head.minor == 1);
            assert!(codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked"));
        }
        Framing::Length(length) => {
            assert!(codings.is_empty());
            assert!(limits.body == 0 || length <= limits.body);
            let members = lengths.iter().flat_map(|value| value.split(|&byte| byte == b','));
            for member in members.clone() {
                let digits = member.trim_ascii();
                assert!(digits.iter().all(u8::is_ascii_digit));
                assert_eq!(std::str::from_utf8(digits).unwrap().parse(), Ok(length));
            }
            assert!(length == 0 || members.count() > 0);
        }
        Framing::UntilEnd => unreachable!("no request of HTTP/1 ends with its connection"),
    }
}

fn check_persistence(head: &Head) {
    let says = |option: &[u8]| {
        values(head, "connection")
            .flat_map(|value| value.split(|&byte| byte == b','))
            .any(|member| member.trim_ascii().eq_ignore_ascii_case(option))
    };
    let lasts =
        if head.minor == 1 { !says(b"close") } else { says(b"keep-alive") && !says(b"close") };
    assert_eq!(head.keep_alive, lasts);
    let waits = values(head, "expect").any(|value| value.eq_ignore_ascii_case(b"100-continue"));
    assert_eq!(head.expects_continue, waits && head.minor == 1);
}
