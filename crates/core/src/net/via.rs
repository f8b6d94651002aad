//! Who asks, and how: told by the connection, and by the proxies in front if they are trusted.
//!
//! Whether its peer is trusted is found out once for a connection; only then are the fields of its
//! requests looked at. What comes of it is one [`Via`] for each request, and everything that shows
//! a client (scope, environ, logs, the table of requests in flight) takes it from there.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tricorn_wire::forwarded::{Client, Told};
use tricorn_wire::head::Head as Parsed;
use tricorn_wire::reject::Reject;

use super::request_id::{self, RequestIds};
use super::tls::Secured;
use super::{Net, Token};
use crate::settings::Settings;

/// What is known of the other side of a connection; its streams have the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// What it says of others is believed.
    pub trusted: bool,
    /// It came over TLS, to us or to the proxy that says so.
    pub secure: bool,
}

/// What a worker keeps for all its connections about what is in front of it.
#[derive(Default)]
pub(super) struct Fronts {
    /// There if each request has an id.
    ids: Option<RequestIds>,
    /// It has been said that connections are closed.
    pub(super) has_complained: bool,
}

impl Fronts {
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let ids = settings.proxy.request_ids.then(RequestIds::new).transpose()?;
        Ok(Self { ids, has_complained: false })
    }
}

/// Who asks for one request, and how.
pub struct Via<'b> {
    /// None if that is not known, or a peer on a unix socket.
    pub client: Option<SocketAddr>,
    /// The client is the peer of the connection.
    pub is_peer: bool,
    pub secure: bool,
    /// What replaces the field Host.
    pub authority: Option<Cow<'b, [u8]>>,
    /// Where the client thinks that it is connected to; None where the listener is meant.
    pub host: Option<String>,
    pub port: Option<u16>,
    /// The path that a proxy has taken away, in place of the configured one.
    pub prefix: Option<&'b str>,
    /// The request's id, if it is to have one.
    pub id: Option<Box<str>>,
    /// What was agreed on the connection, if it speaks TLS with us.
    pub secured: Option<Arc<Secured>>,
}

impl<X> Net<X> {
    /// Who asks for this request.
    pub fn via<'b>(&mut self, token: Token, parsed: &Parsed<'b, '_>) -> Result<Via<'b>, Reject> {
        let (peer, standing, secured) = match self.conns.get_mut(token) {
            Some(conn) => (conn.peer, conn.standing, conn.secured.clone()),
            None => (None, Standing::default(), None),
        };
        let mut via = Via {
            client: peer,
            is_peer: true,
            secure: standing.secure,
            authority: parsed.target.authority.map(Cow::Borrowed),
            host: None,
            port: None,
            prefix: None,
            id: None,
            secured,
        };
        if standing.trusted {
            if let Some(rules) = &self.settings.proxy.believed {
                via.take(rules.read(parsed.fields)?, parsed);
            }
        }
        if let Some(ids) = &mut self.fronts.ids {
            let given = standing.trusted.then(|| request_id::given(parsed)).flatten();
            via.id = Some(given.unwrap_or_else(|| ids.next()));
        }
        Ok(via)
    }

    /// The same for a request that is answered by the server, whatever its fields say.
    pub(super) fn via_or_peer<'b>(&mut self, token: Token, parsed: &Parsed<'b, '_>) -> Via<'b> {
        let peer = self.conns.get_mut(token).and_then(|conn| conn.peer);
        self.via(token, parsed).unwrap_or(Via {
            client: peer,
            is_peer: true,
            secure: false,
            authority: None,
            host: None,
            port: None,
            prefix: None,
            id: None,
            secured: None,
        })
    }
}

impl<'b> Via<'b> {
    fn take(&mut self, told: Told<'b>, parsed: &Parsed<'b, '_>) {
        if let Some(client) = told.client {
            self.is_peer = false;
            self.client = match client {
                Client::Known(address) => Some(address),
                Client::Unknown => None,
            };
        }
        self.secure = told.secure.unwrap_or(self.secure);
        self.prefix = told.prefix.and_then(|prefix| std::str::from_utf8(prefix).ok());
        if told.host.is_some() || told.port.is_some() {
            self.take_place(told.host, told.port, parsed);
        }
    }

    /// Host and port, where one may be without the other.
    fn take_place(
        &mut self,
        host: Option<Cow<'b, [u8]>>,
        port: Option<u16>,
        parsed: &Parsed<'b, '_>,
    ) {
        let usual = if self.secure { 443 } else { 80 };
        if let Some(host) = &host {
            let (name, own) = split_port(host);
            self.host = Some(name);
            self.port = port.or(own).or(Some(usual));
        } else {
            self.port = port;
        }
        let before = self.authority.take().or_else(|| field_host(parsed).map(Cow::Borrowed));
        self.authority = host.or(before).map(|authority| match port {
            Some(port) if port != usual && !has_port(&authority) => {
                let mut whole = authority.into_owned();
                whole.extend_from_slice(format!(":{port}").as_bytes());
                Cow::Owned(whole)
            }
            _ => authority,
        });
    }
}

fn field_host<'b>(parsed: &Parsed<'b, '_>) -> Option<&'b [u8]> {
    let host = parsed.fields.iter().find(|field| field.name.eq_ignore_ascii_case("host"));
    host.map(|host| host.value).filter(|value| !value.is_empty())
}

/// Where the port of a valid `host:port` begins, the colon included.
fn port_start(authority: &[u8]) -> Option<usize> {
    let colon = memchr::memrchr(b':', authority)?;
    (memchr::memchr(b']', &authority[colon..]).is_none()).then_some(colon)
}

fn has_port(authority: &[u8]) -> bool {
    port_start(authority).is_some()
}

/// Name, without the brackets of IPv6, and port.
fn split_port(authority: &[u8]) -> (String, Option<u16>) {
    let end = port_start(authority).unwrap_or(authority.len());
    let (name, port) = authority.split_at(end);
    let port = port.get(1..).and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
    let name = String::from_utf8_lossy(name);
    (name.trim_matches(['[', ']']).to_owned(), port)
}
