//! The request body: none, by length, or by chunks.

use crate::chunked::{ChunkDecoder, OwnedField};
use crate::head::Framing;
use crate::limits::Limits;
use crate::reject::Reject;

/// What is left of a request body on the wire.
#[derive(Clone, Debug)]
pub enum Body {
    /// Nothing: there was none, or all of it has been read.
    Done,
    /// This many bytes.
    Length(u64),
    /// Until who carries it says so; this many bytes so far.
    UntilEnd(u64),
    /// Chunks; boxed, since most requests have none.
    Chunked(Box<ChunkDecoder>),
}

impl Body {
    /// The body that a head announced.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Box::default()),
            Framing::UntilEnd => Self::UntilEnd(0),
        }
    }

    /// Has all of it been read?
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Does `input` have all that is left of it?
    pub fn ends_in(&self, input: &[u8], limits: &Limits) -> bool {
        let mut copy = self.clone();
        let read = copy.read(input, &mut Vec::new(), usize::MAX, limits, &mut Vec::new());
        read.is_ok() && copy.is_done()
    }

    /// Whoever carries it says that it has ended.
    pub fn end(&mut self) {
        *self = Self::Done;
    }

    /// Eats `input`, appends data to `out` until that holds `most` bytes, and says how many bytes
    /// of `input` it took. Trailer fields, when the body ends with any, go to `trailers`.
    pub fn read(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        most: usize,
        limits: &Limits,
        trailers: &mut Vec<OwnedField>,
    ) -> Result<usize, Reject> {
        match self {
            Self::Done => Ok(0),
            Self::Length(left) => {
                let room = most.saturating_sub(out.len());
                let rest = usize::try_from(*left).unwrap_or(usize::MAX);
                let take = input.len().min(rest).min(room);
                out.extend_from_slice(&input[..take]);
                *left -= take as u64;
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(take)
            }
            Self::UntilEnd(seen) => {
                let take = input.len().min(most.saturating_sub(out.len()));
                out.extend_from_slice(&input[..take]);
                *seen += take as u64;
                if limits.body != 0 && *seen > limits.body {
                    return Err(Reject::BodyTooLarge);
                }
                Ok(take)
            }
            Self::Chunked(decoder) => {
                let taken = decoder.decode(input, out, most, limits)?;
                if decoder.is_done() {
                    *trailers = decoder.take_trailers();
                    *self = Self::Done;
                }
                Ok(taken)
            }
        }
    }
}
