//! Frames of a client give the same messages however they are split, none is larger than allowed,
//! and what was compressed comes back.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tricorn_wire::ws::deflate::compress::{Compressors, Deflate};
use tricorn_wire::ws::deflate::inflate::Inflaters;
use tricorn_wire::ws::deflate::Agreed;
use tricorn_wire::ws::frame::apply_mask;
use tricorn_wire::ws::reader::{Event, Message, Reader};
use tricorn_wire::ws::Violation;
use tricorn_wire_fuzz::{every_byte, pieces, plan, Plan};

thread_local! {
    /// States of zlib are large, and made to be used again.
    static POOLS: RefCell<(Inflaters, Compressors)> = RefCell::default();
}

type Seen = (Vec<Event>, Option<Violation>);

fuzz_target!(|input: &[u8]| {
    let Some(plan) = plan(input) else { return };
    let most = if plan.limits.body == 100 { 100 } else { 4000 };
    let agreed = agreed(plan.spare);
    agree(plan.bytes, &plan, most, agreed);
    // The fuzzer knows no masks and seldom hits a length: the same bytes as bodies of frames.
    agree(&framed(&plan), &plan, most, agreed);
    if let Some(agreed) = agreed {
        round_trip(&plan, agreed);
    }
});

fn agreed(spare: u8) -> Option<Agreed> {
    let takes_over = spare & 1 == 0;
    let bits = if spare & 2 == 0 { 9 } else { 12 };
    (spare != 7).then_some(Agreed {
        our_bits: bits,
        their_bits: bits,
        we_take_over: takes_over,
        they_take_over: takes_over,
    })
}

/// Reads whole, as cut and byte by byte.
fn agree(bytes: &[u8], plan: &Plan, most: usize, agreed: Option<Agreed>) {
    let whole = read(bytes, &[bytes.len()], most, agreed);
    let mut cuts: Vec<usize> = plan.cuts.iter().map(|&cut| cut.min(bytes.len())).collect();
    cuts.push(bytes.len());
    assert_eq!(whole, read(bytes, &cuts, most, agreed), "cut at {cuts:?}");
    if let Some(every) = every_byte(bytes.len()) {
        assert_eq!(whole, read(bytes, &every, most, agreed), "byte by byte");
    }
    for event in &whole.0 {
        if let Event::Message(message) = event {
            assert!(message.body.len() <= most);
            assert!(!message.is_text || std::str::from_utf8(&message.body).is_ok());
        }
    }
}

fn read(bytes: &[u8], cuts: &[usize], most: usize, agreed: Option<Agreed>) -> Seen {
    POOLS.with_borrow_mut(|pools| read_with(&mut pools.0, bytes, cuts, Reader::new(most, agreed)))
}

fn read_with(pool: &mut Inflaters, bytes: &[u8], cuts: &[usize], mut reader: Reader) -> Seen {
    let mut events = Vec::new();
    for (from, to) in pieces(cuts) {
        let mut piece = bytes[from..to].to_vec();
        let mut rest = &mut piece[..];
        while !rest.is_empty() {
            match reader.read(rest, pool) {
                Ok((0, _)) => panic!("no progress"),
                Ok((taken, event)) => {
                    rest = &mut rest[taken..];
                    let ends = matches!(event, Some(Event::Close(_)));
                    events.extend(event);
                    if ends {
                        return (events, None);
                    }
                }
                Err(fault) => return (events, Some(fault)),
            }
        }
    }
    (events, None)
}

/// A frame as a client sends it.
fn frame(bits: u8, body: &[u8], out: &mut Vec<u8>) {
    let mask = [bits, 1, 0x80, 0xff];
    out.push(bits);
    match body.len() {
        size @ 0..=125 => out.push(0x80 | size as u8),
        size => {
            out.push(0xfe);
            out.extend_from_slice(&(size as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    let at = out.len();
    out.extend_from_slice(body);
    apply_mask(&mut out[at..], mask, 0);
}

/// The pieces as frames; the first byte of each has its bits.
fn framed(plan: &Plan) -> Vec<u8> {
    let mut out = Vec::new();
    for (from, to) in pieces(&plan.cuts) {
        if let Some((bits, body)) = plan.bytes[from..to].split_first() {
            frame(*bits, body, &mut out);
        }
    }
    out
}

fn round_trip(plan: &Plan, agreed: Agreed) {
    let mut deflate = Deflate::new(agreed);
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for (from, to) in pieces(&plan.cuts) {
        // Long enough to be worth it, and with something to find again.
        let body = plan.bytes[from..to].repeat(3);
        POOLS.with_borrow_mut(|pools| match deflate.compress(&body, &mut pools.1) {
            Some(small) => frame(0xc2, small, &mut bytes),
            None => frame(0x82, &body, &mut bytes),
        });
        expected.push(Event::Message(Message { is_text: false, body }));
    }
    assert_eq!(read(&bytes, &[bytes.len()], 1 << 20, Some(agreed)), (expected, None));
}
