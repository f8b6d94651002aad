//! A request and its response, from the head to the end.
//!
//! * `request` what is noted of a request · `ingress` its body · `egress` the response

mod egress;
mod ingress;
mod request;

pub use egress::Egress;
pub use ingress::Ingress;
pub use request::Request;
