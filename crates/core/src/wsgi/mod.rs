//! WSGI over the reactor (PEP 3333), on one thread or several.
//!
//! * `core` the object that Python drives, and the loop of each thread · `monitor` who blocks
//! * `begin` from a head to an environ and a body · `environ` what the application is told · `tls` … of encryption
//! * `call` the application's call and its result · `respond` `start_response` and `write`
//! * `calls` those that run and may take too long
//! * `input` `wsgi.input` · `file` `wsgi.file_wrapper` · `routes` how long calls of a route block
//!
//! Locks: `Net` is behind a mutex that is only ever held for a step of the reactor, never while
//! Python runs or the interpreter is awaited. Whoever holds the baton runs the reactor.

mod begin;
mod call;
mod calls;
pub mod core;
mod environ;
pub mod file;
pub mod input;
mod monitor;
pub mod respond;
mod routes;
mod tls;
