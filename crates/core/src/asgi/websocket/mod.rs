//! ASGI's `websocket` scope over the reactor's WebSockets (ASGI WebSocket spec 2.5).
//!
//! * `begin` from a request to a scope · `receive` · `send` · `ending` how it ends for an application

pub mod begin;
pub mod ending;
pub mod receive;
pub mod send;

use tricorn_wire::ws::handshake::Offer;

/// What is kept of a request for a WebSocket until the application has decided.
pub struct Asked {
    offer: Offer,
    /// `websocket.connect` is delivered.
    is_told: bool,
}
