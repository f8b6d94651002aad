//! What comes passes here on its way to `h2`, which ends the connection for more than RFC 9113 asks for, and
//! says PROTOCOL_ERROR of almost everything.
//!
//! * A frame that can't be one is named as what it is: of a wrong size, of a window too large.
//! * A field block that can't be read ends the connection; one with a field that HTTP does not allow
//!   ends its stream alone (section 8.1.1). `h2` is given a block in its place that it refuses so,
//!   and from there on only blocks that refer to no table, since its own lacks what it has not seen.
//!
//! Blocks are held until they are whole. Everything else goes on as it comes.

use std::collections::VecDeque;

use h2::Reason;

use crate::hpack::{self, Table, OVERHEAD};
use crate::meter::PREFACE;

const HEADER: usize = 9;
/// What we allow and what every client knows from the start (RFC 9113 section 4.2).
const FRAME: usize = 16 * 1024;
/// Of a block as it comes, beyond what its fields may have in all.
const SPARE: usize = 64 * 1024;

/// Streams that are remembered, more than a client may have open.
const BEGUN: usize = 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 32;

const INITIAL_WINDOW_SIZE: [u8; 2] = [0, 4];

/// The head of a frame.
#[derive(Clone, Copy)]
struct Head {
    size: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Head {
    fn read(&[a, b, c, kind, flags, stream @ ..]: &[u8; HEADER]) -> Self {
        let size = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        Self { size, kind, flags, stream }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// RFC 9113 section 4.2: too long, or too short for what it must have.
    fn is_of_size(&self) -> bool {
        let flag = |flag, bytes| if self.has(flag) { bytes } else { 0 };
        match self.kind {
            _ if self.size > FRAME => false,
            DATA => self.size >= flag(PADDED, 1),
            HEADERS => self.size >= flag(PADDED, 1) + flag(WITH_PRIORITY, 5),
            PRIORITY => self.size == 5,
            RST_STREAM | WINDOW_UPDATE => self.size == 4,
            SETTINGS if self.has(ACK) => self.size == 0,
            SETTINGS => self.size % 6 == 0,
            PING => self.size == 8,
            GOAWAY => self.size >= 8,
            _ => true,
        }
    }
}

/// A field block under way.
struct Block {
    stream: u32,
    ends_stream: bool,
    /// Its frames as they came.
    frames: Vec<u8>,
    fields: Vec<u8>,
}

pub(crate) struct Gate {
    /// Bytes of the preface that are still to come.
    preface: usize,
    has_settings: bool,
    /// The frame under way, as far as it is held.
    frame: Vec<u8>,
    /// Bytes of a frame that are still to come and go on as they do.
    rest: usize,
    block: Option<Block>,
    table: Table,
    /// Streams that have begun and not ended, the last of them: another block for one has trailers.
    begun: VecDeque<u32>,
    /// Bytes of fields that a request may have.
    most: usize,
    /// Blocks are written anew.
    rewrites: bool,
}

impl Gate {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            preface: PREFACE.len(),
            has_settings: false,
            frame: Vec::new(),
            rest: 0,
            block: None,
            table: Table::new(),
            begun: VecDeque::new(),
            most: most as usize,
            rewrites: false,
        }
    }

    /// Gives to `out` what `h2` may have of `bytes`; or why the connection ends.
    pub(crate) fn pass(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Reason> {
        let skip = self.preface.min(bytes.len());
        self.preface -= skip;
        out.extend_from_slice(&bytes[..skip]);
        bytes = &bytes[skip..];
        while !bytes.is_empty() {
            let goes_on = self.rest.min(bytes.len());
            out.extend_from_slice(&bytes[..goes_on]);
            self.rest -= goes_on;
            bytes = &bytes[goes_on..];
            bytes = self.hold(bytes, HEADER);
            let Some(head) = self.frame.first_chunk().map(Head::read) else { continue };
            if self.frame.len() == HEADER {
                self.check(head)?;
            }
            if !matches!(head.kind, HEADERS | CONTINUATION | SETTINGS) {
                out.append(&mut self.frame);
                self.rest = head.size;
                continue;
            }
            bytes = self.hold(bytes, HEADER + head.size);
            if self.frame.len() == HEADER + head.size {
                self.take(head, out)?;
                self.frame.clear();
            }
        }
        Ok(())
    }

    /// Holds the frame up to so many bytes of it; what is left of `bytes`.
    fn hold<'a>(&mut self, bytes: &'a [u8], most: usize) -> &'a [u8] {
        let size = most.saturating_sub(self.frame.len()).min(bytes.len());
        self.frame.extend_from_slice(&bytes[..size]);
        &bytes[size..]
    }

    fn check(&mut self, head: Head) -> Result<(), Reason> {
        let is_settings = head.kind == SETTINGS && !head.has(ACK);
        if !is_settings && !self.has_settings {
            return Err(Reason::PROTOCOL_ERROR); // section 3.4
        }
        self.has_settings = true;
        let continues = head.kind == CONTINUATION;
        let expected = match &self.block {
            Some(block) => continues && head.stream == block.stream,
            None => !continues,
        };
        if !expected {
            return Err(Reason::PROTOCOL_ERROR); // section 6.10
        }
        if !head.is_of_size() {
            return Err(Reason::FRAME_SIZE_ERROR);
        }
        if head.kind == RST_STREAM || head.kind == DATA && head.has(END_STREAM) {
            self.note(head.stream, true);
        }
        Ok(())
    }

    /// The stream has begun, or its client has ended it.
    fn note(&mut self, stream: u32, has_ended: bool) {
        let known = self.begun.iter().position(|&begun| begun == stream);
        match (known, has_ended) {
            (Some(at), true) => drop(self.begun.remove(at)),
            (None, false) => {
                self.begun.push_back(stream);
                if self.begun.len() > BEGUN {
                    self.begun.pop_front();
                }
            }
            _ => {}
        }
    }

    /// A frame that was held is whole.
    fn take(&mut self, head: Head, out: &mut Vec<u8>) -> Result<(), Reason> {
        if head.kind == SETTINGS {
            check_settings(&self.frame[HEADER..])?;
            out.extend_from_slice(&self.frame);
            return Ok(());
        }
        let mut block = self.block.take().unwrap_or_else(|| Block {
            stream: head.stream,
            ends_stream: head.has(END_STREAM),
            frames: Vec::new(),
            fields: Vec::new(),
        });
        block.frames.extend_from_slice(&self.frame);
        block.fields.extend_from_slice(fragment(head, &self.frame[HEADER..])?);
        if block.frames.len() > self.most + SPARE {
            return Err(Reason::ENHANCE_YOUR_CALM);
        }
        if head.has(END_HEADERS) {
            return self.end(&block, out);
        }
        self.block = Some(block);
        Ok(())
    }

    /// The block is whole: it goes on as it came, or as what `h2` can take in its place.
    fn end(&mut self, block: &Block, out: &mut Vec<u8>) -> Result<(), Reason> {
        let is_trailers = self.begun.contains(&block.stream);
        self.note(block.stream, block.ends_stream);
        let (rewrites, most) = (self.rewrites, self.most);
        let (mut wrong, mut anew, mut size) = (false, Vec::new(), 0);
        let read = self.table.read(&block.fields, |field| {
            wrong |= field.wrong || is_trailers && field.name.starts_with(b":");
            // One that is too large is seen to be so; more of it is of no use.
            if rewrites && size <= most {
                size += field.name.len() + field.value.len() + OVERHEAD;
                hpack::write(field.name, field.value, &mut anew);
            }
        });
        read.map_err(|_| Reason::COMPRESSION_ERROR)?;
        if wrong {
            self.rewrites = true;
            anew.clear();
            hpack::write(b"connection", b"", &mut anew); // is malformed (section 8.2.2)
        }
        if self.rewrites {
            write_block(block, &anew, out);
        } else {
            out.extend_from_slice(&block.frames);
        }
        Ok(())
    }
}

/// The part of a block that a frame has, without its padding and priority.
fn fragment(head: Head, content: &[u8]) -> Result<&[u8], Reason> {
    if head.kind == CONTINUATION {
        return Ok(content);
    }
    let (padding, content) = match content.split_first() {
        Some((&padding, rest)) if head.has(PADDED) => (usize::from(padding), rest),
        _ => (0, content),
    };
    let from = if head.has(WITH_PRIORITY) { 5 } else { 0 };
    let to = content.len().checked_sub(padding).filter(|&to| to >= from);
    Ok(&content[from..to.ok_or(Reason::PROTOCOL_ERROR)?])
}

fn check_settings(content: &[u8]) -> Result<(), Reason> {
    for setting in content.chunks_exact(6) {
        if setting[..2] == INITIAL_WINDOW_SIZE && setting[2] & 0x80 != 0 {
            return Err(Reason::FLOW_CONTROL_ERROR); // section 6.5.2
        }
    }
    Ok(())
}

fn write_block(block: &Block, fields: &[u8], out: &mut Vec<u8>) {
    let last = fields.len().div_ceil(FRAME).max(1) - 1;
    let whole: [&[u8]; 1] = [&[]];
    let pieces = fields.chunks(FRAME).chain(whole.into_iter().filter(|_| fields.is_empty()));
    for (number, piece) in pieces.enumerate() {
        let ends = if number == last { END_HEADERS } else { 0 };
        let (kind, more) = match number {
            0 => (HEADERS, if block.ends_stream { END_STREAM } else { 0 }),
            _ => (CONTINUATION, 0),
        };
        out.extend_from_slice(&(piece.len() as u32).to_be_bytes()[1..]);
        out.extend_from_slice(&[kind, ends | more]);
        out.extend_from_slice(&block.stream.to_be_bytes());
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = (content.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend_from_slice(&[kind, flags]);
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(content);
        bytes
    }

    fn opening() -> Vec<u8> {
        [PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()
    }

    /// What comes out of what goes in, the same however it is split.
    fn passed(bytes: &[u8]) -> Result<Vec<u8>, Reason> {
        let of_steps = [1, 7, bytes.len()].map(|step| {
            let (mut gate, mut out) = (Gate::new(65_536), Vec::new());
            let pass = |piece| gate.pass(piece, &mut out);
            bytes.chunks(step).try_for_each(pass).map(|()| out)
        });
        assert!(of_steps.windows(2).all(|two| two[0] == two[1]), "{of_steps:?}");
        let [first, ..] = of_steps;
        first
    }

    #[test]
    fn what_is_right_goes_on_as_it_came() {
        let mut bytes = opening();
        let padded = [&[2, 0, 0, 0, 0, 16][..], b"\x82\x84\x86\x41\x01a", &[0, 0]].concat();
        bytes.extend(frame(HEADERS, PADDED | WITH_PRIORITY, 1, &padded));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 1, b"\x40\x01b\x01c"));
        bytes.extend(frame(DATA, END_STREAM, 1, &[0; 1000]));
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\x82\x84\x86\xbf\xbe"));
        bytes.extend(frame(0xfa, 0, 3, b"unknown"));
        bytes.extend(frame(PING, 0, 0, b"12345678"));
        assert_eq!(passed(&bytes), Ok(bytes));
    }

    #[test]
    fn what_is_wrong_is_one_stream() {
        let wrong = frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x82\x84\x86\x40\x01b\x02\n\n");
        let next = frame(HEADERS, END_HEADERS | END_STREAM, 3, b"\x82\x84\x86\x40\x01c\x01d");
        let again = frame(HEADERS, END_HEADERS, 5, b"\x82\xbe\xbf");
        let out = passed(&[opening(), wrong, next, again].concat()).expect("no error");
        let refused = b"\x00\x0aconnection\x00";
        let flags = END_HEADERS | END_STREAM;
        let anew = b"\x00\x07:method\x03GET\x00\x05:path\x01/\x00\x07:scheme\x04http\x00\x01c\x01d";
        let expected = [
            opening(),
            frame(HEADERS, flags, 1, refused),
            frame(HEADERS, flags, 3, anew),
            frame(HEADERS, END_HEADERS, 5, refused), // refers to what was wrong
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn trailers_have_no_pseudo_fields() {
        let begun = frame(HEADERS, END_HEADERS, 1, b"\x82\x84\x86");
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x84");
        let out = passed(&[opening(), begun, trailers].concat()).expect("no error");
        assert!(out.ends_with(b"\x00\x0aconnection\x00"));
    }

    #[test]
    fn large_blocks_are_written_in_frames() {
        let block = Block { stream: 1, ends_stream: true, frames: vec![], fields: vec![] };
        let mut out = Vec::new();
        write_block(&block, &[b'a'; 40_000], &mut out);
        assert_eq!(out.len(), 40_000 + 3 * HEADER);
        assert_eq!((out[3], out[4]), (HEADERS, END_STREAM));
        let last = &out[2 * (HEADER + FRAME)..];
        assert_eq!((last[3], last[4]), (CONTINUATION, END_HEADERS));
    }

    #[test]
    fn the_end_has_its_reason() {
        let after = |frame: Vec<u8>| passed(&[opening(), frame].concat());
        assert_eq!(after(frame(PING, 0, 0, b"1")), Err(Reason::FRAME_SIZE_ERROR));
        assert_eq!(after(frame(SETTINGS, ACK, 0, b"123456")), Err(Reason::FRAME_SIZE_ERROR));
        assert_eq!(after(frame(DATA, 0, 1, &[0; FRAME + 1])), Err(Reason::FRAME_SIZE_ERROR));
        let window = b"\x00\x04\x80\x00\x00\x00";
        assert_eq!(after(frame(SETTINGS, 0, 0, window)), Err(Reason::FLOW_CONTROL_ERROR));
        let unreadable = frame(HEADERS, END_HEADERS, 1, b"\xbe");
        assert_eq!(after(unreadable), Err(Reason::COMPRESSION_ERROR));
        assert_eq!(after(frame(CONTINUATION, 0, 1, b"")), Err(Reason::PROTOCOL_ERROR));
        let padded = frame(HEADERS, PADDED | END_HEADERS, 1, b"\x09\x82");
        assert_eq!(after(padded), Err(Reason::PROTOCOL_ERROR));
        let begun = [frame(HEADERS, 0, 1, b"\x82"), frame(PING, 0, 0, b"12345678")];
        assert_eq!(after(begun.concat()), Err(Reason::PROTOCOL_ERROR));
        let first = [PREFACE, &frame(PING, 0, 0, b"12345678")].concat();
        assert_eq!(passed(&first), Err(Reason::PROTOCOL_ERROR));
    }
}
