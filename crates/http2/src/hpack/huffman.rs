//! The Huffman code of field strings (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: codes of one length follow each other in the order of their symbols, and
//! shorter ones come first. So the lengths say everything.

use std::sync::OnceLock;

use super::Bad;

const EOS: u16 = 256;
const LONGEST: usize = 30;

/// The bits of each symbol's code, EOS last.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28,
    28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11,
    10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8,
    15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5,
    6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
    23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21,
    23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
    26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26,
    28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The codes of one length: the first of them, how many there are, and where their symbols begin.
#[derive(Clone, Copy, Default)]
struct Group {
    first: u32,
    count: u32,
    at: usize,
}

struct Code {
    groups: [Group; LONGEST + 1],
    symbols: Vec<u16>,
}

fn code() -> &'static Code {
    static CODE: OnceLock<Code> = OnceLock::new();
    CODE.get_or_init(|| {
        let mut groups = [Group::default(); LONGEST + 1];
        let mut symbols = Vec::with_capacity(LENGTHS.len());
        let mut next = 0;
        for (length, group) in groups.iter_mut().enumerate().skip(1) {
            next <<= 1;
            let at = symbols.len();
            let of_length = |symbol: &u16| usize::from(LENGTHS[usize::from(*symbol)]) == length;
            symbols.extend((0..=EOS).filter(of_length));
            let count = (symbols.len() - at) as u32;
            *group = Group { first: next, count, at };
            next += count;
        }
        Code { groups, symbols }
    })
}

/// What `packed` stands for, appended to `out`.
pub(super) fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<(), Bad> {
    let code = code();
    let (mut bits, mut length) = (0_u32, 0);
    for &byte in packed {
        for shift in (0..8).rev() {
            bits = bits << 1 | u32::from(byte >> shift & 1);
            length += 1;
            let group = &code.groups[length];
            let place = bits.wrapping_sub(group.first);
            if bits >= group.first && place < group.count {
                let symbol = code.symbols[group.at + place as usize];
                out.push(u8::try_from(symbol).map_err(|_| Bad)?); // EOS is an error (section 5.2)
                (bits, length) = (0, 0);
            } else if length == LONGEST {
                return Err(Bad);
            }
        }
    }
    // What is left over is less than a byte of ones.
    if length < 8 && bits + 1 == 1 << length {
        Ok(())
    } else {
        Err(Bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(packed: &[u8]) -> Result<Vec<u8>, Bad> {
        let mut out = Vec::new();
        unpack(packed, &mut out).map(|()| out)
    }

    #[test]
    fn examples_of_the_rfc() {
        let packed = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(unpacked(&packed), Ok(b"www.example.com".to_vec()));
        assert_eq!(unpacked(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]), Ok(b"no-cache".to_vec()));
        assert_eq!(unpacked(b""), Ok(Vec::new()));
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones() {
        assert_eq!(unpacked(&[0xff]), Err(Bad));
        assert_eq!(unpacked(&[0x00]), Err(Bad)); // "0" is 00000, and 000 is no padding
        assert_eq!(unpacked(&[0x07]), Ok(b"0".to_vec()));
        assert_eq!(unpacked(&[0xff, 0xff, 0xff, 0xfc]), Err(Bad)); // EOS
    }
}
