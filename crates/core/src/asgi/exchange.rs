//! What is kept with a request that an ASGI application serves.

use super::receive::Piece;
use super::waiting::Waiters;
use super::websocket::Asked;
use pyo3::pybacked::PyBackedBytes;
use tricorn_net::spent::Spent;
use tricorn_net::Interface;

/// ASGI, as the reactor knows it.
pub enum Asgi {}

impl Interface for Asgi {
    type Exchange = AsgiExchange;
    type Bytes = PyBackedBytes;
}

#[derive(Default)]
pub struct AsgiExchange {
    /// `receive()` calls that wait.
    pub receivers: Waiters,
    /// `send()` calls that wait for the output to drain.
    pub senders: Waiters,
    /// Read for a `receive()` that was woken for it, and may have given up since.
    pub next: Option<Piece>,
    /// The last `http.request` message is out; from now on only a disconnect can be received.
    pub delivered: bool,
    /// The application announced trailers: the body's end is not the response's.
    pub trailers: bool,
    /// The body has ended and trailers are awaited.
    pub body_ended: bool,
    /// Trailer fields so far.
    pub collected: Vec<(Vec<u8>, Vec<u8>)>,
    /// The request asks for a WebSocket, and the application has not decided.
    pub websocket: Option<Box<Asked>>,
    /// Sends and receives in a row that did not suspend.
    pub turns: u32,
    /// Set when the task was suspended: the request's number, and its clock then.
    pub suspended: Option<(u32, Spent)>,
    /// The server has cancelled it, since it stops: if no response comes, that is why.
    pub cut_off: bool,
    /// It took too long: if no response comes, that is why.
    pub timed_out: bool,
}

impl AsgiExchange {
    /// True every so often, when the application should give way to others.
    pub fn is_due(&mut self) -> bool {
        const TURNS: u32 = 32;
        self.turns += 1;
        self.turns % TURNS == 0
    }
}
