//! ASGI over the reactor (spec 3.0, HTTP 2.5).
//!
//! * `core` the object that Python drives · `drive` events to calls · `scope` what the app is told
//! * `send` what it says, in `fields` too · `flow` what that leads to · `receive` · `waiting` who waits in them
//! * `task` the life of the application's task · `exchange` what is kept
//! * `websocket` the other kind of scope
//! * `overdue` requests that take too long · `tls` what it is told about encryption

pub mod core;
pub mod drive;
pub mod exchange;
mod fields;
mod flow;
pub mod overdue;
pub mod receive;
pub mod scope;
pub mod send;
pub mod task;
mod tls;
pub mod waiting;
pub mod websocket;
