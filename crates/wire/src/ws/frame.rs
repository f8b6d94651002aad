//! Heads of frames (RFC 6455 §5.2), and masks.

use super::Violation;

/// Bytes that a control frame carries at the most (§5.5).
pub const MOST_CONTROL: usize = 125;
/// The longest head of a frame: two bytes, eight of length, four of mask.
pub const LONGEST_HEAD: usize = 14;

const FIN: u8 = 0x80;
/// Set on the first frame of a compressed message (RFC 7692 §6).
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn read(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    pub fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The head of a frame that a client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    pub opcode: Opcode,
    /// The last frame of its message.
    pub is_last: bool,
    pub is_compressed: bool,
    /// Bytes that follow.
    pub length: u64,
    pub mask: [u8; 4],
}

/// How long a head is that begins with these two bytes; what they show to be wrong is refused
/// before more comes.
pub fn head_length(first: u8, second: u8) -> Result<usize, Violation> {
    let short = second & !MASKED;
    if first & RESERVED != 0 {
        return Err(Violation::Protocol("reserved bits are set"));
    }
    let opcode = Opcode::read(first & 0xf).ok_or(Violation::Protocol("unknown opcode"))?;
    if second & MASKED == 0 {
        return Err(Violation::Protocol("frame is not masked"));
    }
    if opcode.is_control() && (short as usize > MOST_CONTROL || first & FIN == 0) {
        return Err(Violation::Protocol("control frame is too long or fragmented"));
    }
    if first & COMPRESSED != 0 && !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return Err(Violation::Protocol("frame can't be compressed"));
    }
    Ok(match short {
        126 => 8,
        127 => 14,
        _ => 6,
    })
}

impl FrameHead {
    /// Reads a whole head, of the length that [`head_length`] says.
    pub fn read(head: &[u8]) -> Result<Self, Violation> {
        head_length(head[0], head[1])?;
        let (bits, short) = (head[0], head[1] & !MASKED);
        let opcode = Opcode::read(bits & 0xf).ok_or(Violation::Protocol("unknown opcode"))?;
        let (is_last, is_compressed) = (bits & FIN != 0, bits & COMPRESSED != 0);
        let (numbers, mask) = head[2..].split_at(head.len() - 6);
        let length = numbers.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let length = match short {
            126 if length < 126 => return Err(Violation::Protocol("length is not minimal")),
            127 if length < 1 << 16 => return Err(Violation::Protocol("length is not minimal")),
            127 if length >> 63 != 0 => return Err(Violation::Protocol("length is too large")),
            126 | 127 => length,
            short => u64::from(short),
        };
        Ok(Self {
            opcode,
            is_last,
            is_compressed,
            length,
            mask: [mask[0], mask[1], mask[2], mask[3]],
        })
    }
}

/// Takes a mask off, or puts it on; `at` is how many bytes of the frame came before.
pub fn apply_mask(bytes: &mut [u8], mask: [u8; 4], at: usize) {
    let turned = std::array::from_fn(|place| mask[(place + at) % 4]);
    let word = u64::from(u32::from_ne_bytes(turned));
    let word = word | word << 32;
    let mut words = bytes.chunks_exact_mut(8);
    for chunk in &mut words {
        let masked: [u8; 8] = std::array::from_fn(|place| chunk[place]);
        chunk.copy_from_slice(&(u64::from_ne_bytes(masked) ^ word).to_ne_bytes());
    }
    for (place, byte) in words.into_remainder().iter_mut().enumerate() {
        *byte ^= turned[place % 4];
    }
}

/// The head of a whole message, or of a control frame, of a server: at most ten bytes.
#[derive(Clone, Copy, Debug)]
pub struct Prefix {
    bytes: [u8; 10],
    len: u8,
}

impl Prefix {
    pub fn new(opcode: Opcode, is_compressed: bool, length: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = FIN | opcode.number() | if is_compressed { COMPRESSED } else { 0 };
        let len = match length {
            0..=125 => {
                bytes[1] = length as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, len }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// A whole control frame of a server; what is too long for one is cut.
pub fn control(opcode: Opcode, body: &[u8], out: &mut Vec<u8>) {
    let body = &body[..body.len().min(MOST_CONTROL)];
    out.extend_from_slice(Prefix::new(opcode, false, body.len()).bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_at_every_place_and_length() {
        let mask = [1, 2, 4, 128];
        for at in 0..9 {
            for len in 0..40_usize {
                let mut bytes: Vec<u8> = (0..len as u8).collect();
                apply_mask(&mut bytes, mask, at);
                let slow = (0..len).map(|place| place as u8 ^ mask[(place + at) % 4]);
                assert_eq!(bytes, slow.collect::<Vec<_>>(), "{len} bytes after {at}");
            }
        }
    }

    #[test]
    fn prefixes() {
        let prefix = |length| Prefix::new(Opcode::Binary, false, length).bytes().to_vec();
        assert_eq!(prefix(125), [0x82, 125]);
        assert_eq!(prefix(126), [0x82, 126, 0, 126]);
        assert_eq!(prefix(0xffff), [0x82, 126, 0xff, 0xff]);
        assert_eq!(prefix(0x10000), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(Prefix::new(Opcode::Text, true, 0).bytes(), [0xc1, 0]);
    }

    #[test]
    fn heads_that_are_refused() {
        for (head, detail) in [
            (&b"\x91\x80abcd"[..], "reserved bits are set"),
            (b"\x83\x80abcd", "unknown opcode"),
            (b"\x8b\x80abcd", "unknown opcode"),
            (b"\x81\x00abcd", "frame is not masked"),
            (b"\x09\x80abcd", "control frame is too long or fragmented"),
            (b"\x89\xfe\x00\x7eabcd", "control frame is too long or fragmented"),
            (b"\xc9\x80abcd", "frame can't be compressed"),
            (b"\x81\xfe\x00\x7dabcd", "length is not minimal"),
            (b"\x81\xff\x00\x00\x00\x00\x00\x00\xff\xffabcd", "length is not minimal"),
            (b"\x81\xff\x80\x00\x00\x00\x00\x01\x00\x00abcd", "length is too large"),
        ] {
            assert_eq!(FrameHead::read(head), Err(Violation::Protocol(detail)), "{head:?}");
        }
    }
}
