//! HTTP/1.1 and WebSocket as data: bytes in, events out. No sockets, no Python, no clock.
//!
//! * [`head`] a request head: bytes → method, target, fields and what follows from them
//! * [`target`] the four forms of a request target (RFC 9112 §3.2)
//! * [`body`] the request body: by length or by chunks
//! * [`chunked`] the chunk decoder (RFC 9112 §7.1)
//! * [`response`] the response: head, framing and the promises an application must keep
//! * [`reject`] what was wrong with a request, and the status that says so
//! * [`ws`] WebSocket: frames, messages, compression, the handshake
//! * [`limits`] how much of anything a peer may send
//! * [`proxy_protocol`] who is at the other side of a proxy, as it says itself (PROXY protocol)
//! * [`forwarded`] what a trusted proxy says of a request (`X-Forwarded-*`, RFC 7239)
//! * [`trust`] which peers are trusted
//! * [`date`] the `Date` field (RFC 9110 §6.6.1)
#![forbid(unsafe_code)]

pub mod body;
pub mod chunked;
pub mod date;
pub mod forwarded;
pub mod head;
pub mod limits;
pub mod proxy_protocol;
pub mod reject;
pub mod response;
pub mod target;
pub mod trust;
pub mod ws;
