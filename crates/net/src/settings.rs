//! What the reactor is told once, when it begins. The interface reads it from its configuration.

use std::sync::Arc;

use tricorn_wire::date;
use tricorn_wire::forwarded::Rules;
use tricorn_wire::limits::Limits;
use tricorn_wire::proxy_protocol::Versions;
use tricorn_wire::response::Stamp;
use tricorn_wire::trust::Trust;
use tricorn_wire::ws::deflate::offer::Wishes;

use crate::tls::{Secured, Source};
use crate::HealthPaths;

/// Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub head: u64,
    /// For the first byte of a new connection.
    pub first: u64,
    pub keep_alive: u64,
    pub body: u64,
    pub write: u64,
    pub linger: u64,
    /// In line for the application.
    pub queue: u64,
}

/// What to do with header names that have an underscore, which WSGI can't tell from a hyphen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underscores {
    Drop,
    Refuse,
    Keep,
}

/// How many requests the application gets at a time, and who waits.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// Requests that the application has at the most.
    pub in_flight: u64,
    /// Requests that wait at the most.
    pub queued: usize,
}

/// Which proxies are trusted, and with what.
#[derive(Clone, Debug)]
pub struct Proxies {
    pub trust: Trust,
    /// None if no field is believed.
    pub believed: Option<Rules>,
    /// What every connection has to begin with, and from whom; None for nothing.
    pub protocol: Option<(Versions, Trust)>,
    pub request_ids: bool,
}

/// How WebSockets are kept; times in milliseconds, 0 for never.
#[derive(Clone, Copy, Debug)]
pub struct WebSockets {
    /// Bytes of a message at the most.
    pub max_size: usize,
    /// Messages that wait for the application.
    pub max_queue: usize,
    pub ping_interval: u64,
    pub ping_timeout: u64,
    pub close_timeout: u64,
    /// None if nothing is compressed.
    pub deflate: Option<Wishes>,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub limits: Limits,
    pub timeouts: Timeouts,
    /// Bytes per second that a request body must reach on average; 0 for any.
    pub body_rate: u64,
    /// Bytes of unread request body that are read and thrown away rather than the connection closed.
    pub discard: u64,
    /// Bytes of output that may wait before the application has to.
    pub write_buffer: usize,
    /// Open connections at the most.
    pub connections: usize,
    /// What connections speak TLS with, if they do.
    pub identities: Option<Arc<Source>>,
    /// Strict-Transport-Security, over TLS.
    pub transport_security: Option<String>,
    /// What a client that speaks HTTP/2 may have; None if it is not spoken.
    pub http2: Option<tricorn_http2::Limits>,
    /// … and nothing else is.
    pub http2_only: bool,
    /// Without TLS, only trusted peers speak it.
    pub http2_trusted: bool,
    pub websockets: WebSockets,
    pub root_path: String,
    pub proxy: Proxies,
    /// Where health is asked for.
    pub health: Option<HealthPaths>,
    /// None if all requests go to the application.
    pub admission: Option<Admission>,
    /// Does the application run in other processes, too?
    pub many_processes: bool,
    /// Either of the two is there, or an address that redirects.
    pub looks_at_heads: bool,
    pub server_header: bool,
    pub date_header: bool,
    pub underscores: Underscores,
    /// A request may take too long (`--slow-request`, `--request-timeout`).
    pub times_requests: bool,
}

impl Settings {
    /// The scheme of the addresses that are served.
    pub fn scheme(&self) -> &'static str {
        if self.identities.is_some() {
            "https"
        } else {
            "http"
        }
    }

    /// What the server adds to a response head; the response goes out over TLS if `secured` is there.
    pub fn stamp<'a>(
        &'a self,
        date: &'a [u8; date::LEN],
        secured: Option<&Arc<Secured>>,
    ) -> Stamp<'a> {
        Stamp {
            date: self.date_header.then_some(date),
            server: self.server_header,
            transport_security: self.transport_security.as_deref().filter(|_| secured.is_some()),
        }
    }
}
