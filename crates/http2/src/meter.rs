//! Counts the frames of a client that cost us work and bring no request, and ends those who send
//! too many; reads PRIORITY_UPDATE, which `h2` leaves out (RFC 9218 section 7.1).
//!
//! It looks at frame headers only, on their way to `h2`, which checks everything else.

use crate::priority::Priority;

/// What a client sends first (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADER: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const PRIORITY_UPDATE: u8 = 16;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A PRIORITY_UPDATE that is longer is not read.
const UPDATE_MOST: usize = 64;

/// So many at once, and so many more in each second.
struct Budget {
    left: u32,
    most: u32,
    per_second: u32,
}

impl Budget {
    const fn new(most: u32, per_second: u32) -> Self {
        Self { left: most, most, per_second }
    }

    fn take(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    /// Up to `most` in all.
    fn refill(&mut self, amount: u32, most: u32) {
        self.left = self.left.max(self.left.saturating_add(amount).min(most));
    }
}

/// What one client has sent.
pub(crate) struct Meter {
    /// Bytes of the preface that are still to come.
    preface: usize,
    header: [u8; HEADER],
    header_len: usize,
    /// Bytes of the running frame's payload that are still to come.
    rest: usize,
    update: Option<Vec<u8>>,
    /// A header block has begun and not ended.
    in_head: bool,
    second: u64,
    resets: Budget,
    windows: Budget,
    others: Budget,
    updates: Vec<(u32, Priority)>,
    reset: [u32; RESETS],
    resets_seen: usize,
}

/// Why a client loses its connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offence {
    /// It sends too much of what brings no request.
    Flood,
    /// It goes on with a stream that it has reset itself (RFC 9113 section 5.1). `h2` sees that only
    /// once nobody holds the stream any more.
    AfterReset,
}

fn content_size(&[a, b, c, ..]: &[u8; HEADER]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

/// So many of the last streams that a client has reset are remembered.
const RESETS: usize = 16;

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            preface: PREFACE.len(),
            header: [0; HEADER],
            header_len: 0,
            rest: 0,
            update: None,
            in_head: false,
            second: 0,
            // Requests that are given up cost the application's work.
            resets: Budget::new(1000, 33),
            // A client sends two for each frame of data it gets.
            windows: Budget::new(10_000, 1000),
            // PING, SETTINGS, PRIORITY, empty DATA, what is unknown.
            others: Budget::new(1000, 100),
            updates: Vec::new(),
            reset: [0; RESETS],
            resets_seen: 0,
        }
    }

    /// Is a header block under way, or the preface?
    pub(crate) fn in_head(&self) -> bool {
        self.in_head || self.preface > 0
    }

    pub(crate) fn take_updates(&mut self) -> Vec<(u32, Priority)> {
        std::mem::take(&mut self.updates)
    }

    /// So many bytes have gone out: a client may say that it has read them, for each frame of data
    /// on its stream and on the connection. With one byte of body such a frame has ten.
    pub(crate) fn note_sent(&mut self, bytes: usize) {
        const WORTH: usize = 5;
        const MOST: u32 = 100_000;
        self.windows.refill((bytes / WORTH) as u32, MOST);
    }

    /// Looks at what came; `seconds` since any fixed time.
    pub(crate) fn read(&mut self, mut bytes: &[u8], seconds: u64) -> Result<(), Offence> {
        self.pass_time(seconds);
        let skip = self.preface.min(bytes.len());
        self.preface -= skip;
        bytes = &bytes[skip..];
        while !bytes.is_empty() {
            if self.rest > 0 {
                let size = self.rest.min(bytes.len());
                self.rest -= size;
                if let Some(update) = &mut self.update {
                    update.extend_from_slice(&bytes[..size]);
                }
                bytes = &bytes[size..];
                self.end_update_if_whole();
                continue;
            }
            let size = (HEADER - self.header_len).min(bytes.len());
            self.header[self.header_len..][..size].copy_from_slice(&bytes[..size]);
            self.header_len += size;
            bytes = &bytes[size..];
            if self.header_len == HEADER {
                self.header_len = 0;
                self.begin_frame()?;
                self.end_update_if_whole();
            }
        }
        Ok(())
    }

    /// How many of `bytes` come before the end of the next so many frames.
    pub(crate) fn extent(&self, bytes: &[u8], frames: usize) -> usize {
        let mut at = self.preface + self.rest;
        let (mut header, mut have) = (self.header, self.header_len);
        for _ in 0..frames {
            let missing = HEADER - have;
            let Some(came) = bytes.get(at..at + missing) else { return bytes.len() };
            header[have..].copy_from_slice(came);
            at += missing + content_size(&header);
            have = 0;
        }
        at.min(bytes.len())
    }

    fn begin_frame(&mut self) -> Result<(), Offence> {
        let [_, _, _, kind, flags, stream @ ..] = self.header;
        self.note_reset(kind, u32::from_be_bytes(stream))?;
        self.rest = content_size(&self.header);
        if self.count(kind, flags) {
            if kind == PRIORITY_UPDATE && (4..=UPDATE_MOST).contains(&self.rest) {
                self.update = Some(Vec::with_capacity(self.rest));
            }
            Ok(())
        } else {
            Err(Offence::Flood)
        }
    }

    fn note_reset(&mut self, kind: u8, stream: u32) -> Result<(), Offence> {
        match kind {
            RST_STREAM => {
                self.reset[self.resets_seen % RESETS] = stream;
                self.resets_seen += 1;
                Ok(())
            }
            HEADERS if self.resets_seen > 0 && self.reset.contains(&stream) => {
                Err(Offence::AfterReset)
            }
            _ => Ok(()),
        }
    }

    /// False if there are too many of the kind.
    fn count(&mut self, kind: u8, flags: u8) -> bool {
        match kind {
            HEADERS | CONTINUATION => {
                self.in_head = flags & END_HEADERS == 0;
                // Without an end, a block of nothing costs no memory, only time.
                kind == HEADERS || self.rest > 0 || self.others.take()
            }
            DATA if self.rest > 0 || flags & END_STREAM != 0 => true,
            RST_STREAM => self.resets.take(),
            WINDOW_UPDATE => self.windows.take(),
            _ => self.others.take(),
        }
    }

    fn end_update_if_whole(&mut self) {
        if self.rest > 0 {
            return;
        }
        let Some(update) = self.update.take() else { return };
        let Some((stream, value)) = update.split_first_chunk::<4>() else { return };
        self.updates.push((u32::from_be_bytes(*stream) & 0x7fff_ffff, Priority::parse(value)));
    }

    fn pass_time(&mut self, seconds: u64) {
        let passed = seconds.saturating_sub(self.second).min(1000) as u32;
        if passed > 0 {
            self.second = seconds;
            for budget in [&mut self.resets, &mut self.windows, &mut self.others] {
                budget.refill(budget.per_second * passed, budget.most);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, 1];
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn floods_are_seen_at_every_split() {
        for (kind, flags, most) in [(6, 0, 1000), (4, 0, 1000), (3, 0, 1000), (8, 0, 10_000)] {
            for step in [1, 7, 4096] {
                let mut meter = Meter::new();
                let mut bytes = PREFACE.to_vec();
                (0..most - 1).for_each(|_| bytes.extend(frame(kind, flags, b"12345678")));
                for piece in bytes.chunks(step) {
                    assert_eq!(meter.read(piece, 5), Ok(()), "{kind} {step}");
                }
                let read = meter.read(&frame(kind, flags, b""), 5);
                assert_eq!(read, Err(Offence::Flood), "{kind} {step}");
            }
        }
    }

    #[test]
    fn frames_are_counted_out_at_every_split() {
        let one = frame(DATA, 0, b"12345");
        let bytes = [PREFACE, &one.repeat(6)].concat();
        for begun in 0..bytes.len() {
            let mut meter = Meter::new();
            meter.read(&bytes[..begun], 1).expect("calm");
            let whole = begun.saturating_sub(PREFACE.len()) / one.len();
            let is_within = begun > PREFACE.len() + whole * one.len() && meter.header_len == 0;
            let end = PREFACE.len() + (whole + 3 + usize::from(is_within)) * one.len();
            let extent = meter.extent(&bytes[begun..], 3);
            assert_eq!(begun + extent, end.min(bytes.len()), "{begun}");
        }
    }

    #[test]
    fn empty_data_counts_and_time_forgives() {
        let mut meter = Meter::new();
        meter.read(PREFACE, 1).expect("calm");
        let empty = frame(DATA, 0, b"");
        for second in 1..100 {
            for _ in 0..100 {
                assert_eq!(meter.read(&empty, second), Ok(()));
            }
        }
        let ended = frame(DATA, END_STREAM, b"");
        for _ in 0..5000 {
            assert_eq!(meter.read(&ended, 100), Ok(()));
        }
    }

    #[test]
    fn a_head_is_under_way_until_its_end() {
        let mut meter = Meter::new();
        assert!(meter.in_head());
        meter.read(PREFACE, 1).expect("calm");
        assert!(!meter.in_head());
        meter.read(&frame(HEADERS, 0, b"abc"), 1).expect("calm");
        assert!(meter.in_head());
        meter.read(&frame(CONTINUATION, END_HEADERS, b"abc"), 1).expect("calm");
        assert!(!meter.in_head());
    }

    #[test]
    fn a_stream_does_not_go_on_after_its_reset() {
        let mut meter = Meter::new();
        meter.read(PREFACE, 1).expect("calm");
        meter.read(&frame(HEADERS, END_HEADERS, b"abc"), 1).expect("calm");
        meter.read(&frame(RST_STREAM, 0, b"1234"), 1).expect("calm");
        let again = meter.read(&frame(HEADERS, END_HEADERS, b"abc"), 1);
        assert_eq!(again, Err(Offence::AfterReset));
    }

    #[test]
    fn priority_updates_are_read() {
        let mut meter = Meter::new();
        meter.read(PREFACE, 1).expect("calm");
        for byte in frame(PRIORITY_UPDATE, 0, b"\x00\x00\x00\x05u=1, i") {
            meter.read(&[byte], 1).expect("calm");
        }
        let expected = Priority { urgency: 1, incremental: true };
        assert_eq!(meter.take_updates(), [(5, expected)]);
        meter.read(&frame(PRIORITY_UPDATE, 0, b"\x00\x00"), 1).expect("calm");
        assert_eq!(meter.take_updates(), []);
    }
}
