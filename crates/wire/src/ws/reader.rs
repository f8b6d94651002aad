//! Bytes of a client in, messages and control frames out, however the bytes are split.

use super::close::{self, Close};
use super::deflate::inflate::{Inflate, Inflaters};
use super::deflate::Agreed;
use super::frame::{apply_mask, head_length, FrameHead, Opcode, LONGEST_HEAD};
use super::utf8::Utf8;
use super::Violation;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// UTF-8, checked; else any bytes.
    pub is_text: bool,
    pub body: Vec<u8>,
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Message(Message),
    Ping(Vec<u8>),
    Pong,
    /// The last that counts: whatever follows is not to be read.
    Close(Option<Close>),
}

/// A message that has begun.
#[derive(Clone, Copy)]
struct Begun {
    is_text: bool,
    is_compressed: bool,
}

/// Where one client's frames stand.
pub struct Reader {
    /// Bytes of a message at the most, inflated or not.
    most: usize,
    head: [u8; LONGEST_HEAD],
    head_len: u8,
    /// The frame whose bytes are coming, and how many have come.
    frame: Option<(FrameHead, u64)>,
    begun: Option<Begun>,
    message: Vec<u8>,
    control: Vec<u8>,
    text: Utf8,
    inflate: Option<Box<Inflate>>,
}

impl Reader {
    /// For messages of up to `most` bytes.
    pub fn new(most: usize, agreed: Option<Agreed>) -> Self {
        Self {
            most,
            head: [0; LONGEST_HEAD],
            head_len: 0,
            frame: None,
            begun: None,
            message: Vec::new(),
            control: Vec::new(),
            text: Utf8::default(),
            inflate: agreed.map(|agreed| Box::new(Inflate::new(agreed))),
        }
    }

    /// Takes bytes up to the next event; they are unmasked in place. Returns how many it took, all
    /// of them if there is no event.
    pub fn read(
        &mut self,
        input: &mut [u8],
        pool: &mut Inflaters,
    ) -> Result<(usize, Option<Event>), Violation> {
        let mut at = 0;
        loop {
            let Some((frame, came)) = self.frame else {
                at += self.read_head(&input[at..])?;
                if self.frame.is_none() {
                    return Ok((at, None));
                }
                continue;
            };
            let left = usize::try_from(frame.length - came).unwrap_or(usize::MAX);
            let size = left.min(input.len() - at);
            let part = &mut input[at..at + size];
            apply_mask(part, frame.mask, (came % 4) as usize);
            at += size;
            self.frame = Some((frame, came + size as u64));
            self.take(frame.opcode, part, pool)?;
            if size < left {
                return Ok((at, None));
            }
            self.frame = None;
            if let Some(event) = self.end_frame(frame, pool)? {
                return Ok((at, Some(event)));
            }
        }
    }

    /// Gathers the head of a frame; returns how many bytes it took.
    fn read_head(&mut self, input: &[u8]) -> Result<usize, Violation> {
        let mut at = 0;
        while at < input.len() {
            let have = self.head_len as usize;
            let wanted = if have < 2 { 2 } else { head_length(self.head[0], self.head[1])? };
            let size = (wanted - have).min(input.len() - at);
            self.head[have..have + size].copy_from_slice(&input[at..at + size]);
            at += size;
            self.head_len += size as u8;
            if have + size == 2 {
                head_length(self.head[0], self.head[1])?;
            }
            if have >= 2 && have + size == wanted {
                self.head_len = 0;
                let frame = FrameHead::read(&self.head[..wanted])?;
                self.begin_frame(frame)?;
                break;
            }
        }
        Ok(at)
    }

    fn begin_frame(&mut self, frame: FrameHead) -> Result<(), Violation> {
        match (frame.opcode, self.begun) {
            (Opcode::Continuation, None) => {
                return Err(Violation::Protocol("continuation of nothing"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Violation::Protocol("message inside a message"));
            }
            (Opcode::Text | Opcode::Binary, None) => {
                if frame.is_compressed && self.inflate.is_none() {
                    return Err(Violation::Protocol("compression was not agreed on"));
                }
                let is_text = frame.opcode == Opcode::Text;
                self.begun = Some(Begun { is_text, is_compressed: frame.is_compressed });
            }
            _ => {}
        }
        let room = match self.begun {
            Some(Begun { is_compressed: false, .. }) => self.most - self.message.len(),
            _ => self.most, // as it is compressed; what it inflates to is looked at as it comes
        };
        if !frame.opcode.is_control() && frame.length > room as u64 {
            return Err(Violation::TooBig);
        }
        self.frame = Some((frame, 0));
        Ok(())
    }

    /// Takes some bytes of the running frame.
    fn take(&mut self, opcode: Opcode, part: &[u8], pool: &mut Inflaters) -> Result<(), Violation> {
        if opcode.is_control() {
            self.control.extend_from_slice(part);
            return Ok(());
        }
        let Some(begun) = self.begun else { return Ok(()) };
        let had = self.message.len();
        let outcome = match &mut self.inflate {
            Some(_) if begun.is_compressed && part.is_empty() => Ok(()),
            Some(inflate) if begun.is_compressed => {
                inflate.feed(part, &mut self.message, self.most, pool)
            }
            _ => {
                self.message.extend_from_slice(part);
                Ok(())
            }
        };
        // What was inflated before a fault came first, however the bytes were split.
        self.check_text(begun, had)?;
        outcome
    }

    fn check_text(&mut self, begun: Begun, had: usize) -> Result<(), Violation> {
        if begun.is_text && !self.text.feed(&self.message[had..]) {
            return Err(Violation::Data("text is not UTF-8"));
        }
        Ok(())
    }

    fn end_frame(
        &mut self,
        frame: FrameHead,
        pool: &mut Inflaters,
    ) -> Result<Option<Event>, Violation> {
        if frame.opcode.is_control() {
            let body = std::mem::take(&mut self.control);
            return Ok(Some(match frame.opcode {
                Opcode::Ping => Event::Ping(body),
                Opcode::Pong => Event::Pong,
                _ => Event::Close(close::read(&body)?),
            }));
        }
        let Some(begun) = self.begun.filter(|_| frame.is_last) else { return Ok(None) };
        if begun.is_compressed {
            let had = self.message.len();
            let outcome = match &mut self.inflate {
                Some(inflate) => inflate.end(&mut self.message, self.most, pool),
                None => Ok(()),
            };
            self.check_text(begun, had)?;
            outcome?;
        }
        if begun.is_text && !self.text.is_whole() {
            return Err(Violation::Data("text ends in the middle of a character"));
        }
        self.begun = None;
        let body = std::mem::take(&mut self.message);
        Ok(Some(Event::Message(Message { is_text: begun.is_text, body })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::deflate::compress::{Compressors, Deflate};

    const AGREED: Agreed =
        Agreed { our_bits: 12, their_bits: 12, we_take_over: true, they_take_over: true };

    type Seen = (Vec<Event>, Option<Violation>);

    /// A frame as a client sends it.
    fn frame(bits: u8, body: &[u8]) -> Vec<u8> {
        let mask = [7, 77, 177, 0];
        let mut frame = match body.len() {
            size @ 0..=125 => vec![bits, 0x80 | size as u8],
            size @ 126..=0xffff => [&[bits, 0xfe][..], &(size as u16).to_be_bytes()].concat(),
            size => [&[bits, 0xff][..], &(size as u64).to_be_bytes()].concat(),
        };
        frame.extend_from_slice(&mask);
        let at = frame.len();
        frame.extend_from_slice(body);
        apply_mask(&mut frame[at..], mask, 0);
        frame
    }

    fn text(body: &str) -> Event {
        Event::Message(Message { is_text: true, body: body.into() })
    }

    fn read(bytes: &[u8], cuts: &[usize], most: usize, agreed: Option<Agreed>) -> Seen {
        let (mut reader, mut pool) = (Reader::new(most, agreed), Inflaters::default());
        let (mut events, mut from) = (Vec::new(), 0);
        for upto in cuts.iter().copied().chain([bytes.len()]) {
            let mut piece = bytes[from..upto].to_vec();
            from = upto;
            let mut rest = &mut piece[..];
            while !rest.is_empty() {
                match reader.read(rest, &mut pool) {
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

    fn all_ways(bytes: &[u8], most: usize, agreed: Option<Agreed>) -> Seen {
        let whole = read(bytes, &[], most, agreed);
        let every: Vec<usize> = (0..bytes.len()).collect();
        assert_eq!(whole, read(bytes, &every, most, agreed), "byte by byte");
        for at in 0..bytes.len() {
            assert_eq!(whole, read(bytes, &[at], most, agreed), "split at {at}");
        }
        whole
    }

    #[test]
    fn messages_whole_and_in_fragments_with_control_frames_between() {
        let bytes = [
            frame(0x81, b"hello"),
            frame(0x01, "caf\u{e9}".as_bytes().split_at(4).0),
            frame(0x89, b"are you there"),
            frame(0x00, b""),
            frame(0x80, "caf\u{e9}!".as_bytes().split_at(4).1),
            frame(0x8a, b"unasked"),
            frame(0x82, &[0xff; 300]),
            frame(0x88, b"\x03\xe8bye"),
            b"nobody reads this".to_vec(),
        ];
        let (events, fault) = all_ways(&bytes.concat(), 1000, None);
        let binary = Event::Message(Message { is_text: false, body: vec![0xff; 300] });
        let close = Event::Close(Some(Close { code: 1000, reason: "bye".into() }));
        let ping = Event::Ping(b"are you there".to_vec());
        let expected = vec![text("hello"), ping, text("caf\u{e9}!"), Event::Pong, binary, close];
        assert_eq!((events, fault), (expected, None));
    }

    #[test]
    fn what_fails_a_connection() {
        for (frames, code) in [
            (vec![frame(0x80, b"")], 1002),
            (vec![frame(0x01, b"a"), frame(0x81, b"b")], 1002),
            (vec![frame(0xc1, b"a")], 1002),
            (vec![frame(0x81, b"a\xff")], 1007),
            (vec![frame(0x81, b"a\xc3")], 1007),
            (vec![frame(0x01, b"\xed"), frame(0x00, b"\xa0")], 1007),
            (vec![frame(0x88, b"\x03\xed")], 1002),
            (vec![frame(0x88, b"\x03")], 1002),
            (vec![frame(0x82, &[0; 101])], 1009),
            (vec![frame(0x02, &[0; 60]), frame(0x80, &[0; 41])], 1009),
        ] {
            let (events, fault) = all_ways(&frames.concat(), 100, None);
            assert_eq!((events.len(), fault.map(Violation::code)), (0, Some(code)), "{frames:?}");
        }
        let (events, fault) = all_ways(&frame(0x82, &[0; 100]), 100, None);
        assert_eq!((events.len(), fault), (1, None));
    }

    /// Text is refused before its frame has ended.
    #[test]
    fn bad_text_fails_fast() {
        let bytes = frame(0x81, b"abc\xff and so on");
        let (_, fault) = read(&bytes[..6 + 4], &[], 100, None);
        assert_eq!(fault.map(Violation::code), Some(1007));
    }

    /// What `compress` makes of these messages, as a client would send them.
    fn compressed(messages: &[&[u8]]) -> Vec<u8> {
        let (mut deflate, mut pool) = (Deflate::new(AGREED), Compressors::default());
        let sent = messages.iter().map(|message| match deflate.compress(message, &mut pool) {
            Some(small) => frame(0xc2, small),
            None => frame(0x82, message),
        });
        sent.collect::<Vec<_>>().concat()
    }

    #[test]
    fn compressed_messages_refer_to_earlier_ones() {
        let first: Vec<u8> = (0..3000_u32).map(|n| ((n * n) >> 3) as u8).collect();
        let big = b"0123456789 ".repeat(2000);
        let messages = [&first[..], b"short", &first, &big, &first[1000..2000], &big[..100]];
        let bytes = compressed(&messages);
        let (events, fault) = read(&bytes, &[], 100_000, Some(AGREED));
        assert_eq!(fault, None);
        let body = |event: &Event| match event {
            Event::Message(message) => message.body.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(events.iter().map(body).collect::<Vec<_>>(), messages);
        for at in (0..bytes.len()).step_by(7) {
            assert_eq!(read(&bytes, &[at], 100_000, Some(AGREED)).0, events, "split at {at}");
        }
        assert!(bytes.len() < first.len() + 3000, "the second time costs little");
    }

    #[test]
    fn examples_of_the_standard() {
        let hello = text("Hello");
        let first = frame(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        let again = frame(0xc1, b"\xf2\x00\x11\x00\x00");
        let stored = frame(0xc1, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00");
        let last = frame(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00");
        let two = frame(0xc1, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00");
        let pieces = [frame(0x41, b"\xf2\x48\xcd"), frame(0x80, b"\xc9\xc9\x07\x00")].concat();
        let bytes = [first, again, stored, last, two, pieces].concat();
        let (events, fault) = all_ways(&bytes, 100, Some(AGREED));
        assert_eq!((events, fault), (vec![hello; 6], None));
    }

    #[test]
    fn a_bomb_costs_no_more_than_the_limit() {
        let bytes = compressed(&[&vec![0; 1 << 20]]);
        assert!(bytes.len() < 4096);
        let (mut reader, mut pool) = (Reader::new(5000, Some(AGREED)), Inflaters::default());
        assert_eq!(reader.read(&mut bytes.clone(), &mut pool), Err(Violation::TooBig));
        assert!(reader.message.capacity() <= 5001);
    }

    #[test]
    fn malformed_deflate() {
        for body in [&b"\xff\xff\xff"[..], &b"\x03\x00".repeat(40), b"\xf2\x00\x11\x00\x00"] {
            let (_, fault) = all_ways(&frame(0xc2, body), 100, Some(AGREED));
            assert_eq!(fault.map(Violation::code), Some(1007), "{body:?}");
        }
    }
}
