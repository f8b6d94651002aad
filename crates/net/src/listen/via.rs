//! Who asks, and how: told by the connection, and by the proxies in front if they are trusted.
//!
//! Whether its peer is trusted is found out once for a connection; only then are the fields of its
//! requests looked at. What comes of it is one [`Via`] for each request, and everything that shows
//! a client (scope, environ, logs, the table of requests in flight) takes it from there.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use tricorn_wire::forwarded::{Client, Told};
use tricorn_wire::head::Head as Parsed;
use tricorn_wire::reject::Reject;

use crate::listen::preface::Preface;
use crate::observe::request_id::{self, RequestIds};
use crate::settings::Settings;
use crate::transport::tls::Secured;
use crate::{Conn, Interface, Net, Token};

/// What is known of the other side of a connection; its streams have the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Standing {
    /// What it says of others is believed.
    pub trusted: bool,
    /// It came over TLS, to us or to the proxy that says so.
    pub secure: bool,
    /// It speaks HTTP/1.1 whatever is set: it is the server itself, or is to be sent to HTTPS.
    pub speaks_http1: bool,
}

/// Where a connection comes from.
#[derive(Default)]
pub struct Origin {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) standing: Standing,
    /// Index of the listener.
    pub(crate) listener: u32,
    /// There until a proxy has said whose connection it is.
    pub(crate) preface: Option<Box<Preface>>,
}

impl Origin {
    /// That of a stream: who has spoken for its connection has spoken for it.
    pub(crate) fn of_stream(&self) -> Self {
        Self { peer: self.peer, standing: self.standing, listener: self.listener, preface: None }
    }
}

/// What a worker keeps for all its connections about what is in front of it.
#[derive(Default)]
pub(crate) struct Fronts {
    /// There if each request has an id.
    ids: Option<RequestIds>,
    /// It has been said that connections are closed.
    pub(crate) has_complained: bool,
}

impl Fronts {
    pub(crate) fn new(settings: &Settings) -> Self {
        let ids = settings.proxy.request_ids.then(RequestIds::new);
        Self { ids, has_complained: false }
    }
}

/// Who asks for one request, and how.
pub struct Via<'b> {
    /// None if that is not known, or a peer on a unix socket.
    pub client: Option<SocketAddr>,
    /// The connection that the request came over, itself or as a stream, if the client is its peer.
    pub carrier: Option<Token>,
    pub secure: bool,
    /// Where the connection came from.
    pub listener: u32,
    /// There if the client means another place than the head says.
    pub place: Option<Box<Meant<'b>>>,
    /// The request's id, if it is to have one.
    pub id: Option<Box<str>>,
    /// What was agreed on the connection, if it speaks TLS with us.
    pub secured: Option<Arc<Secured>>,
}

/// What a client means to ask, in place of what the head and the listener say.
#[derive(Default)]
pub struct Meant<'b> {
    /// Replaces the field Host.
    authority: Option<Cow<'b, [u8]>>,
    /// Where the client thinks that it is connected to; None where the listener is meant.
    pub host: Option<String>,
    pub port: Option<u16>,
    /// The path that a proxy has taken away, in place of the configured one.
    pub prefix: Option<&'b str>,
}

impl<I: Interface> Net<I> {
    /// Who asks for this request; None if the connection is gone.
    pub fn via<'b>(
        &mut self,
        token: Token,
        parsed: &Parsed<'b, '_>,
    ) -> Option<Result<Via<'b>, Reject>> {
        let conn = self.conns.get_mut(token)?;
        let mut via = Via::of(conn, token);
        if parsed.target.authority.is_some() {
            let authority = parsed.target.authority.map(Cow::Borrowed);
            via.place = Some(Box::new(Meant { authority, ..Meant::default() }));
        }
        let rules = self.settings.proxy.believed.as_ref().filter(|_| conn.origin.standing.trusted);
        let believed = rules.is_some();
        match rules.map_or(Ok(None), |rules| rules.read(parsed.fields)) {
            Ok(None) => {}
            Ok(Some(told)) => via.take(told, parsed),
            Err(reject) => return Some(Err(reject)),
        }
        if let Some(ids) = &mut self.fronts.ids {
            let given = believed.then(|| request_id::given(parsed)).flatten();
            via.id = given.or_else(|| ids.next());
        }
        Some(Ok(via))
    }
}

impl<'b> Via<'b> {
    /// What the connection `token` tells.
    pub(crate) fn of<I: Interface>(conn: &Conn<I>, token: Token) -> Self {
        Self {
            client: conn.origin.peer,
            carrier: Some(conn.transport.link.parent().unwrap_or(token)),
            secure: conn.origin.standing.secure,
            listener: conn.origin.listener,
            place: None,
            id: None,
            secured: conn.transport.secured.clone(),
        }
    }

    /// What replaces the field Host.
    pub fn authority(&self) -> Option<&[u8]> {
        self.place.as_ref()?.authority.as_deref()
    }

    /// Name and port that the request itself says, for a listener that has none.
    pub fn named(&self, parsed: &Parsed<'b, '_>) -> (String, u16) {
        let host = self.authority().or_else(|| field_host(parsed)).unwrap_or_default();
        let (name, port) = split_port(host);
        let name = if name.is_empty() { "localhost".to_owned() } else { name };
        (name, port.unwrap_or(if self.secure { 443 } else { 80 }))
    }

    /// The path that a proxy has taken away.
    pub fn prefix(&self) -> Option<&'b str> {
        self.place.as_ref()?.prefix
    }

    fn take(&mut self, told: Told<'b>, parsed: &Parsed<'b, '_>) {
        if let Some(client) = told.client {
            self.carrier = None;
            self.client = match client {
                Client::Known(address) => Some(address),
                Client::Unknown => None,
            };
        }
        self.secure = told.secure.unwrap_or(self.secure);
        if told.host.is_some() || told.port.is_some() || told.prefix.is_some() {
            let usual = if self.secure { 443 } else { 80 };
            self.place.get_or_insert_default().take(told, usual, parsed);
        }
    }
}

impl<'b> Meant<'b> {
    /// Host and port, where one may be without the other; `usual` is the port of the scheme.
    fn take(&mut self, told: Told<'b>, usual: u16, parsed: &Parsed<'b, '_>) {
        self.prefix = told.prefix.and_then(|prefix| std::str::from_utf8(prefix).ok());
        self.port = told.port;
        if let Some(host) = &told.host {
            let (name, own) = split_port(host);
            self.host = Some(name);
            self.port = told.port.or(own).or(Some(usual));
        }
        if told.host.is_none() && told.port.is_none() {
            return;
        }
        let before = self.authority.take().or_else(|| field_host(parsed).map(Cow::Borrowed));
        self.authority = told.host.or(before).map(|authority| match told.port {
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
