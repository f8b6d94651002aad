//! WebSocket as data (RFC 6455, RFC 7692): frames in, messages out, and the other way round.
//!
//! * [`handshake`] the request that asks for it, and the answer
//! * [`reader`] bytes → messages and control frames, however they are split
//! * [`frame`] heads of frames, and masks · [`utf8`] text checked as it streams
//! * [`close`] codes and reasons
//! * [`deflate`] permessage-deflate: what is agreed on, and both directions of it
//! * [`digest`] SHA-1 and base64, for the handshake

pub mod close;
pub mod deflate;
pub mod digest;
pub mod frame;
pub mod handshake;
pub mod reader;
pub mod utf8;

/// Why a connection is failed by us (RFC 6455 §7.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A rule of the framing is broken.
    Protocol(&'static str),
    /// Text is not UTF-8, or compressed data is malformed.
    Data(&'static str),
    /// A message is larger than allowed.
    TooBig,
}

impl Violation {
    /// The code of the close frame that says so.
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => close::PROTOCOL_ERROR,
            Self::Data(_) => close::INVALID_DATA,
            Self::TooBig => close::TOO_BIG,
        }
    }

    /// The reason in the close frame.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Protocol(detail) | Self::Data(detail) => detail,
            Self::TooBig => "message too big",
        }
    }
}
