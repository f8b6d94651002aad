//! A chunked body decodes to the same however it is split, and what was encoded comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricorn_wire::chunked::{ChunkDecoder, OwnedField};
use tricorn_wire::limits::{Limits, CHUNK_EXTENSIONS, CHUNK_LINE};
use tricorn_wire::reject::Reject;
use tricorn_wire_fuzz::{every_byte, pieces, plan, Plan};

/// What came out, even before a failure.
#[derive(Debug, PartialEq)]
struct Outcome {
    data: Vec<u8>,
    trailers: Vec<OwnedField>,
    /// Bytes eaten, whether the body has ended, or why it was refused.
    end: Result<(usize, bool), Reject>,
}

fuzz_target!(|input: &[u8]| {
    let Some(plan) = plan(input) else { return };
    let whole = agree(plan.bytes, &plan);
    if let Ok((taken, true)) = whole.end {
        assert_eq!(strict(&plan.bytes[..taken]), whole.data);
        assert!(plan.limits.body == 0 || whole.data.len() as u64 <= plan.limits.body);
    }
    if plan.bytes.len() <= 512 {
        round_trip(&plan);
    }
});

/// Decodes whole, as cut and byte by byte, with the room for data that the fuzzer chose.
fn agree(bytes: &[u8], plan: &Plan) -> Outcome {
    let most = [usize::MAX, 1, 2, 3, 5, 8, 64, 1000][usize::from(plan.spare)];
    let cuts = plan.cuts.iter().map(|&cut| cut.min(bytes.len()));
    let mut cuts: Vec<usize> = cuts.collect();
    cuts.push(bytes.len());
    let whole = feed(bytes, &[bytes.len()], usize::MAX, &plan.limits);
    assert_eq!(whole, feed(bytes, &cuts, most, &plan.limits), "cut at {cuts:?}, room {most}");
    if let Some(every) = every_byte(bytes.len()) {
        assert_eq!(whole, feed(bytes, &every, usize::MAX, &plan.limits), "byte by byte");
    }
    whole
}

fn feed(bytes: &[u8], cuts: &[usize], most: usize, limits: &Limits) -> Outcome {
    let (mut decoder, mut data, mut taken) = (ChunkDecoder::default(), Vec::new(), 0);
    let mut out = Vec::new();
    for (from, to) in pieces(cuts) {
        let mut at = from;
        while at < to && !decoder.is_done() {
            out.clear();
            let step = decoder.decode(&bytes[at..to], &mut out, most, limits);
            assert!(out.len() <= most);
            data.extend_from_slice(&out);
            match step {
                Ok(0) => panic!("no progress at {at}"),
                Ok(step) => at += step,
                Err(reject) => return Outcome { data, trailers: Vec::new(), end: Err(reject) },
            }
        }
        taken += at - from;
    }
    let end = Ok((taken, decoder.is_done()));
    Outcome { data, trailers: decoder.take_trailers(), end }
}

/// A second reading of an accepted body, by its lines; panics at anything RFC 9112 forbids.
fn strict(mut bytes: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let line = line(&mut bytes);
        assert!(line.len() <= CHUNK_LINE + 1, "a size line of {} bytes", line.len());
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let rest = line[digits..].trim_ascii_start();
        assert!(rest.first().map_or(digits == line.len(), |byte| *byte == b';'));
        let size = usize::from_str_radix(std::str::from_utf8(&line[..digits]).unwrap(), 16);
        let size = size.expect("a size");
        if size == 0 {
            break;
        }
        data.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size..];
        assert!(self::line(&mut bytes).is_empty(), "data that is not followed by a line end");
    }
    while !line(&mut bytes).is_empty() {}
    assert!(bytes.is_empty(), "the decoder went on after the end");
    data
}

/// The next line without its CRLF, in which there is no other line end.
fn line<'b>(bytes: &mut &'b [u8]) -> &'b [u8] {
    let lf = bytes.iter().position(|&byte| byte == b'\n').expect("a line end");
    let line = bytes[..lf].strip_suffix(b"\r").expect("CR before LF");
    assert!(!line.contains(&b'\r'));
    *bytes = &bytes[lf + 1..];
    line
}

/// Encodes the bytes in chunks that end at the cuts; decoding must give them back.
fn round_trip(plan: &Plan) {
    let mut body = Vec::new();
    let mut extensions = 0;
    for (from, to) in pieces(&plan.cuts).filter(|(from, to)| from < to) {
        let extension = extension(&plan.bytes[from..to], plan.spare);
        extensions += extension.len();
        body.extend_from_slice(format!("{:x}{extension}\r\n", to - from).as_bytes());
        body.extend_from_slice(&plan.bytes[from..to]);
        body.extend_from_slice(b"\r\n");
    }
    assert!(extensions < CHUNK_EXTENSIONS);
    let trailers = trailers(plan);
    body.extend_from_slice(b"0\r\n");
    for (name, value) in &trailers {
        body.extend_from_slice(&[name, &b": "[..], value, b"\r\n"].concat());
    }
    body.extend_from_slice(b"\r\n");
    let end = body.len();
    body.extend_from_slice(b"GET / HTTP/1.1\r\n");
    let limits = Limits { fields: 100, head: 64 * 1024, body: 0, ..plan.limits };
    let outcome = agree(&body, &Plan { limits, cuts: plan.cuts.clone(), ..*plan });
    assert_eq!(outcome, Outcome { data: plan.bytes.to_vec(), trailers, end: Ok((end, true)) });
}

/// A chunk extension made of a piece, or none.
fn extension(piece: &[u8], choice: u8) -> String {
    let digits = piece.iter().take(8).map(|byte| format!("{byte:02x}"));
    match choice & 3 {
        0 => String::new(),
        1 => format!(";{}", digits.collect::<String>()),
        2 => format!(" ;a=\"{}\"", digits.collect::<String>()),
        _ => format!(";a={};b", digits.collect::<String>()),
    }
}

/// Trailer fields made of the bytes: as many as the spare bits say.
fn trailers(plan: &Plan) -> Vec<OwnedField> {
    let value = |at: u8| plan.bytes.iter().skip(at.into()).take(9).map(|byte| byte | 0x80);
    (0..plan.spare).map(|at| (format!("x-sum-{at}").into_bytes(), value(at).collect())).collect()
}
