//! Field blocks as they come (RFC 7541), read ahead of `h2`.
//!
//! `h2` reads them too, and ends the connection for a field that HTTP does not allow, with a code
//! that says nothing of it. Here it is found out first whether a block can be read at all, and whether
//! each of its fields may be. The tables of both stay the same, since both see the same blocks.

mod huffman;

use std::collections::VecDeque;
use std::sync::Arc;

/// The block can't be read, and nothing that comes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad;

/// What a field takes of a table beyond its letters (RFC 7541 section 4.1).
pub(crate) const OVERHEAD: usize = 32;
/// A longer name is none.
const NAME: usize = 16 * 1024;
/// The table that we allow (RFC 9113 section 6.5.2).
const TABLE: usize = 4096;

#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"),
    (":path", "/index.html"), (":scheme", "http"), (":scheme", "https"), (":status", "200"),
    (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
    (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""),
    ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""),
    ("authorization", ""), ("cache-control", ""), ("content-disposition", ""),
    ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""),
    ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""),
    ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
    ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""),
    ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""),
    ("vary", ""), ("via", ""), ("www-authenticate", ""),
];

/// One field of a block.
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    /// HTTP does not allow it.
    pub(crate) wrong: bool,
}

struct Entry {
    name: Arc<[u8]>,
    value: Box<[u8]>,
    wrong: bool,
}

impl Entry {
    fn size(&self) -> usize {
        self.name.len() + self.value.len() + OVERHEAD
    }
}

/// What the client may refer to.
pub(crate) struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    most: usize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { entries: VecDeque::new(), size: 0, most: TABLE }
    }

    /// Reads a whole block, and gives each field of it.
    pub(crate) fn read(&mut self, block: &[u8], mut each: impl FnMut(Field)) -> Result<(), Bad> {
        let mut input = Input(block);
        let mut has_begun = false;
        while let Some(&first) = input.0.first() {
            match first {
                0x80.. => self.indexed(input.number(7)?, &mut each)?,
                0x40..=0x7f => self.literal(&mut input, 6, true, &mut each)?,
                // A change of the table comes first (RFC 7541 section 4.2).
                0x20..=0x3f if has_begun => return Err(Bad),
                0x20..=0x3f => {
                    self.resize(input.number(5)?)?;
                    continue;
                }
                _ => self.literal(&mut input, 4, false, &mut each)?,
            }
            has_begun = true;
        }
        Ok(())
    }

    fn resize(&mut self, most: usize) -> Result<(), Bad> {
        if most > TABLE {
            return Err(Bad);
        }
        self.most = most;
        self.evict(0);
        Ok(())
    }

    /// Makes room for an entry of that size.
    fn evict(&mut self, more: usize) {
        while self.size + more > self.most {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size -= oldest.size();
        }
    }

    fn insert(&mut self, entry: Entry) {
        let size = entry.size();
        self.evict(size);
        if size <= self.most {
            self.size += size;
            self.entries.push_front(entry);
        }
    }

    fn indexed(&self, index: usize, each: &mut impl FnMut(Field)) -> Result<(), Bad> {
        let place = index.checked_sub(1).ok_or(Bad)?;
        if let Some((name, value)) = STATIC.get(place) {
            each(Field { name: name.as_bytes(), value: value.as_bytes(), wrong: false });
            return Ok(());
        }
        let entry = self.entries.get(place - STATIC.len()).ok_or(Bad)?;
        each(Field { name: &entry.name, value: &entry.value, wrong: entry.wrong });
        Ok(())
    }

    fn name(&self, index: usize) -> Result<Arc<[u8]>, Bad> {
        let place = index - 1;
        match STATIC.get(place) {
            Some((name, _)) => Ok(name.as_bytes().into()),
            None => Ok(Arc::clone(&self.entries.get(place - STATIC.len()).ok_or(Bad)?.name)),
        }
    }

    fn literal(
        &mut self,
        input: &mut Input,
        prefix: u8,
        kept: bool,
        each: &mut impl FnMut(Field),
    ) -> Result<(), Bad> {
        let name = match input.number(prefix)? {
            0 => input.string()?.into(),
            index => self.name(index)?,
        };
        let value = input.string()?;
        let wrong = !is_allowed(&name, &value);
        each(Field { name: &name, value: &value, wrong });
        if kept {
            self.insert(Entry { name, value: value.into(), wrong });
        }
        Ok(())
    }
}

/// What is left of a block.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Result<u8, Bad> {
        let (&first, rest) = self.0.split_first().ok_or(Bad)?;
        self.0 = rest;
        Ok(first)
    }

    /// An integer that begins in the low bits of the next byte (RFC 7541 section 5.1).
    fn number(&mut self, prefix: u8) -> Result<usize, Bad> {
        const MOST: usize = 1 << 24; // longer than any frame
        let mask = (1_usize << prefix) - 1;
        let mut number = usize::from(self.byte()?) & mask;
        if number < mask {
            return Ok(number);
        }
        for shift in (0..).step_by(7) {
            let byte = self.byte()?;
            if shift > 21 {
                return Err(Bad);
            }
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if number <= MOST {
            Ok(number)
        } else {
            Err(Bad)
        }
    }

    fn string(&mut self) -> Result<Vec<u8>, Bad> {
        let is_packed = self.0.first().ok_or(Bad)? & 0x80 != 0;
        let length = self.number(7)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Bad)?;
        self.0 = rest;
        if !is_packed {
            return Ok(text.to_vec());
        }
        let mut out = Vec::with_capacity(length * 2);
        huffman::unpack(text, &mut out)?;
        Ok(out)
    }
}

/// May a request have this field (RFC 9113 section 8.2.1)?
fn is_allowed(name: &[u8], value: &[u8]) -> bool {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_blank(value.first()) || is_blank(value.last()) {
        return false;
    }
    match name {
        b":method" => !value.is_empty() && value.iter().copied().all(is_token),
        // A fragment is the client's own (RFC 9110 section 4.2.5): `h2` would cut it off in silence.
        b":path" => value.iter().all(|byte| (0x21..0x7f).contains(byte) && *byte != b'#'),
        b":scheme" | b":authority" | b":protocol" => {
            value.iter().all(|byte| (0x21..0x7f).contains(byte))
        }
        _ => {
            let is_name = |byte: &u8| is_token(*byte) && !byte.is_ascii_uppercase();
            let is_text = |byte: &u8| *byte >= 0x20 && *byte != 0x7f || *byte == b'\t';
            let is_long = name.len() > NAME;
            !name.is_empty() && !is_long && name.iter().all(is_name) && value.iter().all(is_text)
        }
    }
}

fn is_token(byte: u8) -> bool {
    tricorn_wire::head::is_token_byte(byte)
}

/// Writes a field that refers to no table.
pub(crate) fn write(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(0);
    for text in [name, value] {
        write_length(text.len(), out);
        out.extend_from_slice(text);
    }
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    const MASK: usize = 0x7f;
    if length < MASK {
        return out.push(length as u8);
    }
    out.push(MASK as u8);
    let mut rest = length - MASK;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(table: &mut Table, block: &[u8]) -> Result<Vec<String>, Bad> {
        let mut fields = Vec::new();
        table.read(block, |field| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mark = if field.wrong { " (wrong)" } else { "" };
            fields.push(format!("{}: {}{mark}", text(field.name), text(field.value)));
        })?;
        Ok(fields)
    }

    #[test]
    fn the_three_requests_of_the_rfc() {
        // RFC 7541 appendix C.4.
        let mut table = Table::new();
        let first = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let usual = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
        assert_eq!(read(&mut table, first).expect("valid"), usual);
        let second = b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf";
        let fields = read(&mut table, second).expect("valid");
        assert_eq!(fields[4], "cache-control: no-cache");
        let third = b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\
                      \x5b\xb8\xe8\xb4\xbf";
        let fields = read(&mut table, third).expect("valid");
        assert_eq!(fields[3..], [":authority: www.example.com", "custom-key: custom-value"]);
        assert_eq!((table.entries.len(), table.size), (3, 164));
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 126, 127, 128, 254, 255, 300, 20_000] {
            let mut block = Vec::new();
            write(b"x-a", &vec![b'v'; length], &mut block);
            let fields = read(&mut Table::new(), &block).expect("valid");
            assert_eq!(fields, [format!("x-a: {}", "v".repeat(length))]);
        }
    }

    #[test]
    fn what_can_not_be_read() {
        for block in [
            &b"\x80"[..],                            // index 0
            b"\xbe",                                 // index 62 of an empty table
            b"\x40\x01a",                            // no value
            b"\x00\x05a",                            // a name that is cut
            b"\x82\x20",                             // a size behind a field
            b"\x3f\xe2\x1f",                         // a table of 4097 bytes
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x0f", // an index without an end
            b"\x00\x81\xff\x00",                     // padding of a whole byte
        ] {
            assert_eq!(read(&mut Table::new(), block), Err(Bad), "{block:?}");
        }
        assert_eq!(
            read(&mut Table::new(), b"\x3f\xe1\x1f\x20\x82"),
            Ok(vec![":method: GET".into()])
        );
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        let mut table = Table::new();
        assert_eq!(read(&mut table, b"\x40\x01a\x02b\n"), Ok(vec!["a: b\n (wrong)".into()]));
        assert_eq!(read(&mut table, b"\xbe"), Ok(vec!["a: b\n (wrong)".into()]));
        for (name, value) in [
            (&b"A"[..], &b"b"[..]),
            (b"", b""),
            (b"a b", b""),
            (b"a:b", b""),
            (b":unknown", b""),
            (b"a", b" b"),
            (b"a", b"b\t"),
            (b"a", b"\x7f"),
            (b"a", b"b\0c"),
            (b":path", b"/\xff"),
            (b":path", b"/a b"),
            (b":path", b"/a#b"),
            (b":method", b"G T"),
            (b":method", b""),
        ] {
            assert!(!is_allowed(name, value), "{name:?} {value:?}");
        }
        for (name, value) in [(&b"a"[..], &b""[..]), (b"a", b"b c\td\xff"), (b":path", b"/")] {
            assert!(is_allowed(name, value), "{name:?} {value:?}");
        }
    }

    #[test]
    fn the_table_forgets_the_oldest() {
        let mut table = Table::new();
        let mut block = vec![0x40];
        block.extend_from_slice(b"\x01a\x7f\x81\x0f"); // 127 + 1 + 15 * 128 = 2048 letters
        block.extend_from_slice(&[b'v'; 2048]);
        for _ in 0..3 {
            read(&mut table, &block).expect("valid");
            assert_eq!((table.entries.len(), table.size), (1, 2081));
        }
        let mut large = b"\x40\x01a\x7f\x81\x1f".to_vec(); // more than the table takes empties it
        large.extend_from_slice(&[b'v'; 4096]);
        read(&mut table, &large).expect("valid");
        assert_eq!((table.entries.len(), table.size), (0, 0));
    }
}
