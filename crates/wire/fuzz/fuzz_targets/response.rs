//! Whatever an application gives, the head that goes out is well formed and framed once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricorn_wire::head::is_token_byte;
use tricorn_wire::response::{Asked, Response, Stamp};
use tricorn_wire_fuzz::plan;

const STAMP: Stamp = Stamp {
    date: Some(b"Sun, 06 Nov 1994 08:49:37 GMT"),
    server: true,
    transport_security: Some("max-age=1"),
};

fuzz_target!(|input: &[u8]| {
    let Some(plan) = plan(input) else { return };
    // 0xff ends a part: status, phrase, then names and values by turns.
    let mut parts = plan.bytes.split(|&byte| byte == 0xff);
    let (Some(status), Some(phrase)) = (parts.next(), parts.next()) else { return };
    let status = status.iter().fold(0, |number: u16, byte| number << 8 | u16::from(*byte));
    let [is_head, http11, keep_alive] = [1, 2, 4].map(|bit| plan.spare & bit != 0);
    let mut response = Response::new(Asked { is_head, minor: http11.into(), keep_alive });
    let mut out = Vec::new();
    if response.open(status, Some(phrase), &mut out).is_err() {
        assert!(out.is_empty(), "a refused status was written");
        return;
    }
    let mut lines = 1;
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let before = out.len();
        if response.field(name, value, &mut out).is_err() {
            assert_eq!(before, out.len(), "a refused field was written");
        }
        lines += usize::from(out.len() > before);
    }
    let whole = (plan.cuts.len() > 1).then(|| plan.cuts[0] as u64);
    response.frame(whole, STAMP, &mut out);
    check(&out, lines, status, http11, response.keeps_alive());
});

/// One line for each accepted field and for what the server adds, nothing that breaks a line.
fn check(out: &[u8], given: usize, status: u16, http11: bool, keeps_alive: bool) {
    let text = out.strip_suffix(b"\r\n\r\n").expect("an end of the head");
    let mut lines = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        lines.push(line.strip_suffix(b"\r").unwrap_or(line));
    }
    assert!(lines.iter().all(|line| !line.contains(&b'\r') && !line.contains(&0)));
    assert!(lines[0].starts_with(format!("HTTP/1.1 {status} ").as_bytes()));
    let names: Vec<String> = lines[1..].iter().map(|line| name(line)).collect();
    let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    let framing = (count("content-length"), count("transfer-encoding"));
    assert!(framing.0 + framing.1 <= 1, "{framing:?}");
    assert!(http11 || framing.1 == 0, "a transfer coding on HTTP/1.0");
    assert!(status != 204 || framing == (0, 0), "framing on a 204");
    assert!(count("connection") <= 1);
    assert_eq!(count("connection") == 1, !keeps_alive || !http11);
    let ours = count("connection") + framing.0 + framing.1;
    assert!(lines.len() >= given + ours && lines.len() <= given + ours + 2, "date and server");
}

fn name(line: &[u8]) -> String {
    let colon = line.iter().position(|&byte| byte == b':').expect("a field line");
    assert!(colon > 0 && line[..colon].iter().all(|&byte| is_token_byte(byte)));
    String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase()
}
