//! The chunk decoder (RFC 9112 §7.1): an own one, since a lenient reading of a size, an
//! extension or a line end is how requests are smuggled.
//!
//! ```text
//!   Size ──digit──► Size ──(white space) ';'──► Extension ─┐
//!    ▲  └────────────CR──────────────► SizeLf ┴─LF─► Data ─(size bytes)─► DataCr ─► DataLf ─┐
//!    └───────────────────────────────────────────────────────────────────────────────────────┘
//!   SizeLf with size 0 ─LF─► Trailers ──empty line──► Done
//! ```

use crate::limits::{Limits, CHUNK_EXTENSIONS, CHUNK_LINE, MAX_FIELDS};
use crate::reject::Reject;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Size,
    /// White space before an extension, which RFC 9112 §7.1.1 wants parsed and nobody sends.
    Padding,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailers,
    Done,
}

/// One trailer field, name in lower case.
pub type OwnedField = (Vec<u8>, Vec<u8>);

/// Decodes one chunked body, however its bytes are split.
#[derive(Clone, Debug)]
pub struct ChunkDecoder {
    state: Stage,
    /// Of the chunk: what its size line said so far, then what is left of its data.
    left: u64,
    digits: u8,
    line: usize,
    extensions: usize,
    total: u64,
    trailers: Vec<u8>,
    fields: Vec<OwnedField>,
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self {
            state: Stage::Size,
            left: 0,
            digits: 0,
            line: 0,
            extensions: 0,
            total: 0,
            trailers: Vec::new(),
            fields: Vec::new(),
        }
    }
}

impl ChunkDecoder {
    /// Has the body ended, trailers included?
    pub fn is_done(&self) -> bool {
        self.state == Stage::Done
    }

    /// The trailer fields, once done; those that frame, route or authorise are left out
    /// (RFC 9110 §6.5.1).
    pub fn take_trailers(&mut self) -> Vec<OwnedField> {
        std::mem::take(&mut self.fields)
    }

    /// Eats `input`, appends data to `out` until that holds `most` bytes, and says how many bytes
    /// of `input` it took. Stops early only when `out` is full or the body has ended.
    pub fn decode(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        most: usize,
        limits: &Limits,
    ) -> Result<usize, Reject> {
        let mut at = 0;
        while at < input.len() && self.state != Stage::Done {
            at += match self.state {
                Stage::Data => {
                    let room = most.saturating_sub(out.len());
                    if room == 0 {
                        break;
                    }
                    self.data(&input[at..], out, room)
                }
                Stage::Trailers => self.trailer_bytes(&input[at..], limits)?,
                _ => {
                    self.framing(input[at], limits)?;
                    1
                }
            };
        }
        Ok(at)
    }

    fn data(&mut self, input: &[u8], out: &mut Vec<u8>, room: usize) -> usize {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let take = input.len().min(left).min(room);
        out.extend_from_slice(&input[..take]);
        self.left -= take as u64;
        if self.left == 0 {
            self.state = Stage::DataCr;
        }
        take
    }

    fn framing(&mut self, byte: u8, limits: &Limits) -> Result<(), Reject> {
        match self.state {
            Stage::Size => self.size(byte),
            Stage::Padding => self.padding(byte),
            Stage::Extension => self.extension(byte),
            Stage::SizeLf => self.size_end(byte, limits),
            Stage::DataCr if byte == b'\r' => self.enter(Stage::DataLf),
            Stage::DataLf if byte == b'\n' => self.enter(Stage::Size),
            Stage::DataCr | Stage::DataLf => Err(Reject::ChunkEnd),
            Stage::Data | Stage::Trailers | Stage::Done => unreachable!("handled by decode"),
        }
    }

    fn enter(&mut self, state: Stage) -> Result<(), Reject> {
        self.state = state;
        Ok(())
    }

    fn size(&mut self, byte: u8) -> Result<(), Reject> {
        let Some(digit) = (byte as char).to_digit(16) else {
            if self.digits == 0 {
                return Err(Reject::ChunkSize);
            }
            self.line = self.digits as usize;
            return match byte {
                b'\r' => self.enter(Stage::SizeLf),
                b';' => self.enter(Stage::Extension),
                b' ' | b'\t' => self.enter(Stage::Padding),
                _ => Err(Reject::ChunkSize),
            };
        };
        self.digits += 1;
        if self.digits > 16 {
            return Err(Reject::ChunkSize);
        }
        self.left = self.left << 4 | u64::from(digit);
        Ok(())
    }

    fn padding(&mut self, byte: u8) -> Result<(), Reject> {
        self.line += 1;
        match byte {
            b' ' | b'\t' if self.line < CHUNK_LINE => Ok(()),
            b';' => self.enter(Stage::Extension),
            _ => Err(Reject::ChunkSize),
        }
    }

    fn extension(&mut self, byte: u8) -> Result<(), Reject> {
        self.line += 1;
        self.extensions += 1;
        if self.line > CHUNK_LINE || self.extensions > CHUNK_EXTENSIONS {
            return Err(Reject::ChunkExtension);
        }
        match byte {
            b'\r' => self.enter(Stage::SizeLf),
            b'\t' | b' '..=b'~' | 0x80..=0xff => Ok(()),
            _ => Err(Reject::ChunkExtension),
        }
    }

    fn size_end(&mut self, byte: u8, limits: &Limits) -> Result<(), Reject> {
        if byte != b'\n' {
            return Err(Reject::ChunkSize);
        }
        self.total = self.total.checked_add(self.left).ok_or(Reject::ChunkSize)?;
        if limits.body != 0 && self.total > limits.body {
            return Err(Reject::BodyTooLarge);
        }
        self.digits = 0;
        self.enter(if self.left == 0 { Stage::Trailers } else { Stage::Data })
    }

    fn trailer_bytes(&mut self, input: &[u8], limits: &Limits) -> Result<usize, Reject> {
        let take = memchr::memchr(b'\n', input).map_or(input.len(), |at| at + 1);
        if self.trailers.len() + take > limits.head {
            return Err(Reject::TrailerTooLarge);
        }
        self.trailers.extend_from_slice(&input[..take]);
        if self.trailers.ends_with(b"\n") && !self.trailers.ends_with(b"\r\n") {
            return Err(Reject::BareLf);
        }
        if self.trailers == b"\r\n" || self.trailers.ends_with(b"\r\n\r\n") {
            self.fields = parse_trailers(&self.trailers, limits)?;
            self.trailers = Vec::new();
            self.state = Stage::Done;
        }
        Ok(take)
    }
}

fn parse_trailers(section: &[u8], limits: &Limits) -> Result<Vec<OwnedField>, Reject> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_FIELDS];
    match httparse::parse_headers(section, &mut slots[..limits.fields.min(MAX_FIELDS)]) {
        Ok(httparse::Status::Complete((_, fields))) => Ok(fields
            .iter()
            .map(|field| (field.name.to_ascii_lowercase().into_bytes(), field.value.to_vec()))
            .filter(|(name, _)| may_trail(name))
            .collect()),
        Err(httparse::Error::TooManyHeaders) => Err(Reject::TrailerTooLarge),
        _ => Err(Reject::Trailer),
    }
}

/// May a field of this name, in lower case, come behind a body? Those that frame, route or authorise
/// are left out (RFC 9110 §6.5.1).
pub fn may_trail(name: &[u8]) -> bool {
    !matches!(
        name,
        b"transfer-encoding"
            | b"content-length"
            | b"host"
            | b"trailer"
            | b"te"
            | b"connection"
            | b"upgrade"
            | b"expect"
            | b"range"
            | b"cookie"
            | b"set-cookie"
            | b"authorization"
            | b"proxy-authorization"
            | b"content-encoding"
            | b"content-type"
            | b"content-range"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(Vec<u8>, Vec<OwnedField>, usize, bool), Reject>;

    fn feed(pieces: &[&[u8]]) -> Outcome {
        let (mut decoder, mut out, mut taken) = (ChunkDecoder::default(), Vec::new(), 0);
        for piece in pieces {
            taken += decoder.decode(piece, &mut out, usize::MAX, &Limits::default())?;
        }
        Ok((out, decoder.take_trailers(), taken, decoder.is_done()))
    }

    /// Whole, byte by byte and at every split point: the result must be the same.
    fn all_ways(bytes: &[u8]) -> Outcome {
        let whole = feed(&[bytes]);
        assert_eq!(whole, feed(&bytes.chunks(1).collect::<Vec<_>>()), "byte by byte");
        for at in 0..=bytes.len() {
            assert_eq!(whole, feed(&[&bytes[..at], &bytes[at..]]), "split at {at}");
        }
        whole
    }

    #[test]
    fn a_body_with_extensions_trailers_and_a_tail() {
        let bytes =
            b"5 ;a=\"b\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\nGET /";
        let (data, trailers, taken, done) = all_ways(bytes).expect("valid");
        assert_eq!(data, b"hello0123456789");
        assert_eq!(trailers, [(b"x-sum".to_vec(), b"1".to_vec())]);
        assert_eq!((taken, done), (bytes.len() - 5, true));
    }

    #[test]
    fn malformed_bodies() {
        for (bytes, reject) in [
            (&b"\r\n"[..], Reject::ChunkSize),
            (b"+5\r\nhello\r\n", Reject::ChunkSize),
            (b"0x5\r\nhello", Reject::ChunkSize),
            (b"5_0\r\n", Reject::ChunkSize),
            (b"5 \r\nhello", Reject::ChunkSize),
            (b" 5\r\nhello", Reject::ChunkSize),
            (b"5\nhello\r\n", Reject::ChunkSize),
            (b"5\rXhello", Reject::ChunkSize),
            (b"11111111111111111\r\n", Reject::ChunkSize),
            (b"5;a\nb\r\nhello", Reject::ChunkExtension),
            (b"5;\x00\r\nhello", Reject::ChunkExtension),
            (b"5\r\nhelloXX", Reject::ChunkEnd),
            (b"5\r\nhello\n", Reject::ChunkEnd),
            (b"5\r\nhello\r0", Reject::ChunkEnd),
            (b"0\r\na b: c\r\n\r\n", Reject::Trailer),
            (b"0\r\nx: 1\n\r\n", Reject::BareLf),
            (b"0\r\n\n", Reject::BareLf),
        ] {
            assert_eq!(all_ways(bytes), Err(reject), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn endless_extensions_are_cut_off() {
        let long = [b"1;".to_vec(), vec![b'a'; CHUNK_LINE + 1], b"\r\nx\r\n".to_vec()].concat();
        assert_eq!(feed(&[&long]), Err(Reject::ChunkExtension));
        let many = [b"1;".to_vec(), vec![b'a'; 200], b"\r\nx\r\n".to_vec()].concat().repeat(21);
        assert_eq!(feed(&[&many]), Err(Reject::ChunkExtension));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_at_the_size_line() {
        let limits = Limits { body: 4, ..Limits::default() };
        let mut decoder = ChunkDecoder::default();
        let outcome = decoder.decode(b"5\r\n", &mut Vec::new(), 10, &limits);
        assert_eq!(outcome, Err(Reject::BodyTooLarge));
    }

    #[test]
    fn a_full_output_stops_the_decoder() {
        let (mut decoder, mut out) = (ChunkDecoder::default(), Vec::new());
        let taken = decoder.decode(b"5\r\nhello\r\n", &mut out, 2, &Limits::default());
        assert_eq!((taken, &out[..]), (Ok(5), &b"he"[..]));
    }
}
