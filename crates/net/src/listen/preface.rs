//! What a proxy says first on a connection, before TLS and HTTP (PROXY protocol).
//!
//! The header is looked at where it lies in the socket, and exactly its bytes are taken: what comes
//! behind it is for whoever reads next. It has as long to come as the first byte of a request.

use std::net::SocketAddr;

use tricorn_wire::proxy_protocol::{read, Header, Sender, Versions, MOST};

use crate::reactor::conn::Conn;
use crate::settings::Proxies;
use crate::sys::{self, Io};
use crate::{Interface, Net, Step, Token};

/// A connection that still has to say whose it is.
pub(crate) struct Preface {
    versions: Versions,
    /// What has come of its header.
    begun: Vec<u8>,
}

impl Preface {
    pub(crate) fn new(versions: Versions) -> Box<Self> {
        Box::new(Self { versions, begun: Vec::new() })
    }
}

impl<I: Interface> Net<I> {
    /// Reads the header if one is still to come; None once the connection can go on.
    pub(crate) fn step_preface(&mut self, token: Token) -> Option<Step<I>> {
        self.ensure_scratch();
        loop {
            let conn = self.conns.get_mut(token)?;
            let fd = conn.fd();
            let preface = conn.origin.preface.as_mut()?;
            let bytes = &mut self.buffers.scratch[..MOST];
            let size = match sys::peek(fd, bytes) {
                Io::Done(size) if size > 0 => size,
                Io::Later => {
                    conn.transport.readable = false;
                    return Some(Step::Idle);
                }
                Io::Done(_) | Io::Broken => return Some(Step::Closed(self.close(token))),
            };
            let before = preface.begun.len();
            preface.begun.extend_from_slice(&bytes[..size]);
            let (known, taken) = match read(&preface.begun, preface.versions) {
                Ok(None) => (None, size),
                Ok(Some(header)) => (Some(Known::from(&header)), header.len - before),
                Err(fault) => {
                    let peer = conn.origin.peer;
                    self.complain_once(peer, fault.detail());
                    return Some(Step::Closed(self.close(token)));
                }
            };
            // They are there: they have just been looked at.
            let _ = sys::recv(fd, &mut bytes[..taken]);
            if let Some(known) = known {
                conn.take_known(&known, &self.settings.proxy);
                return None;
            }
        }
    }

    /// Says once why connections are closed before their first request.
    pub(crate) fn complain_once(&mut self, peer: Option<SocketAddr>, why: &str) {
        if !std::mem::replace(&mut self.fronts.has_complained, true) {
            let peer = peer.map_or("a unix socket".into(), |peer| peer.to_string());
            self.complaint = Some(format!(
                "a connection from {peer} was closed: {why} (--proxy-protocol; others like it are \
                 closed without a word)"
            ));
        }
    }
}

/// What a header says of its connection.
struct Known {
    sender: Sender,
    secure: bool,
}

impl From<&Header<'_>> for Known {
    fn from(header: &Header) -> Self {
        Self { sender: header.sender, secure: header.tls.used }
    }
}

impl<I: Interface> Conn<I> {
    /// The peer is who the proxy says it is, and is trusted as such.
    fn take_known(&mut self, known: &Known, proxies: &Proxies) {
        self.origin.preface = None;
        self.origin.standing.secure |= known.secure;
        match known.sender {
            Sender::Proxy => {}
            Sender::Client(client) => {
                self.origin.peer = Some(client);
                self.origin.standing.trusted = proxies.trust.has(client.ip());
            }
            Sender::Unknown => {
                self.origin.peer = None;
                self.origin.standing.trusted = false;
            }
        }
    }
}
