//! Who answers before the application.
//!
//! * `answer` what the server answers by itself · `redirect` to HTTPS · `health` is the server well
//! * `admission` who waits for the application, and who is turned away

pub(crate) mod admission;
pub(crate) mod answer;
pub(crate) mod health;
mod redirect;
