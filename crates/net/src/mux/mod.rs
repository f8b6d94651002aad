//! Connections that carry others.
//!
//! * `streams` those of HTTP/2

pub(crate) mod streams;
