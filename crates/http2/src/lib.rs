//! HTTP/2 (RFC 9113) on one connection, as data: bytes in, requests as streams and bytes out.
//!
//! The protocol is the `h2` crate's, polled by hand: no runtime, no sockets, no clock of our own.
//!
//! * `connection` what comes and goes on the whole · `stream` one request and its response
//! * `pipe` the bytes between `h2` and the transport · `wake` which streams can go on
//! * `text` heads between the two protocols · `seen` lines of heads that repeat
//! * `gate` what `h2` may see, and which end has which reason · `hpack` field blocks
//! * `meter` who talks too much · `priority` RFC 9218

#![forbid(unsafe_code)]

mod connection;
mod gate;
mod hpack;
mod meter;
mod pipe;
mod priority;
mod seen;
mod stream;
mod text;
mod wake;

pub use self::connection::{Connection, Event, Limits};
pub use self::meter::PREFACE;
pub use self::priority::Priority;
pub use self::stream::{Received, Stream};
pub use self::text::Wrong;
