//! The reactor: one poller with all connections of a worker, and everything about them that needs
//! no Python. An interface (ASGI, WSGI) drives it: `Poller::wait`, `take` the events, get tokens from `next_runnable`,
//! call `step` on each until it is idle, and answer what `step` asks for.
//!
//! * `reactor/` connections, and when each of them goes on
//! * `listen/` accepting, and who asks · `answers/` who answers before the application
//! * `transport/` what carries a connection · `exchange/` a request and its response
//! * `mux/` connections that carry others: HTTP/2 · `websocket/` connections that are WebSockets
//! * `observe/` what others are told · `settings` what the reactor is told · `token` what connections and requests are called · `sys/` system calls
//!
//! Invariants: an edge is remembered in the connection's flags until a short read or EAGAIN clears
//! it; whatever can go on without a new edge is in the queue; nothing here knows Python, so no
//! borrow of the reactor is ever held across application code.

mod answers;
mod exchange;
mod listen;
mod mux;
mod observe;
mod reactor;
pub mod settings;
pub mod sys;
mod token;
mod transport;
mod websocket;

pub use self::answers::health::HealthPaths;
pub use self::listen::via;
pub use self::observe::{access, scoreboard, spent};
pub use self::reactor::conn::Conn;
pub use self::reactor::egress::Sent;
pub use self::reactor::heads::{Begin, Head};
pub use self::reactor::input::Pull;
pub use self::reactor::phase::Phase;
pub use self::reactor::waiting::Room;
pub use self::reactor::{Net, Poller, Step};
pub use self::token::{Target, Token};
pub use self::transport::bell::Awaited;
pub use self::transport::tls;
pub use self::websocket::News;

/// What drives the reactor: ASGI or WSGI.
pub trait Interface {
    /// What it keeps with a running exchange. It comes back when that ends, since to drop it may run
    /// code of the application, which must not happen while the reactor is borrowed or locked.
    type Exchange;
    /// Bytes of its own that are sent without a copy. To drop them runs nothing.
    type Bytes: AsRef<[u8]>;
}
