//! What others are told of the reactor's work.
//!
//! * `access` the access log · `lines` whoever reads it · `request_id` what requests are called there
//! * `scoreboard` what the processes of a server know of each other · `inflight` with the requests
//! * `probe` does somebody wait for the reactor · `spent` for how long the application has had a request

pub mod access;
pub(crate) mod inflight;
pub(crate) mod lines;
pub(crate) mod probe;
pub(crate) mod request_id;
pub mod scoreboard;
pub mod spent;
