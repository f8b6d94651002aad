//! A whole head: handed to whoever parses it where it lies, and then the start of a request, or not.

use std::net::SocketAddr;

use tricorn_wire::body::Body;
use tricorn_wire::head::{find_end, parse, Framing, Head as Parsed, Slots};
use tricorn_wire::limits::Limits;
use tricorn_wire::reject::Reject;
use tricorn_wire::response::{Asked, Response};

use crate::exchange::{Ingress, Request};
use crate::listen::via::Via;
use crate::observe::access::{Draft, Refused};
use crate::observe::spent::Spent;
use crate::reactor::conn::Conn;
use crate::reactor::phase::Phase;
use crate::reactor::quick::Kind;
use crate::{Interface, Net, Token};

/// A buffer that holds a whole head; the reactor gets it back through `begin` or `reject`.
pub struct Head {
    pub(crate) buf: Vec<u8>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) len: usize,
    /// It is the reactor's scratch buffer, not the connection's own.
    pub(crate) shared: bool,
    pub(crate) form: Form,
}

/// How a head came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Http1,
    /// Made of that of a stream; without a body, or with one that ends when the stream does.
    Http2 { bodyless: bool, connects_websocket: bool },
}

impl Head {
    pub(crate) fn of_scratch(buf: Vec<u8>, end: usize, len: usize) -> Self {
        Self { buf, start: 0, end, len, shared: true, form: Form::Http1 }
    }

    /// Reads it, by the rules that both protocols share.
    pub fn parse<'b, 's>(
        &'b self,
        slots: &'s mut Slots<'b>,
        limits: &Limits,
    ) -> Result<Parsed<'b, 's>, Reject> {
        let mut parsed = parse(self.bytes(), slots, limits)?;
        if let Form::Http2 { bodyless, connects_websocket } = self.form {
            parsed.minor = 2;
            parsed.connects_websocket = connects_websocket;
            parsed.keep_alive = false; // a stream has one request
            parsed.framing = if bodyless { Framing::Length(0) } else { Framing::UntilEnd };
        }
        Ok(parsed)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }
}

/// What a parsed head says about the exchange that begins.
pub struct Begin {
    pub framing: Framing,
    pub asked: Asked,
    pub expects_continue: bool,
    pub client: Option<SocketAddr>,
    kind: Kind,
    /// What the request is called.
    pub id: Option<Box<str>>,
    /// The start of its access line.
    pub draft: Option<Box<Draft>>,
}

impl<I: Interface> Net<I> {
    /// What of a request has to be known to serve it; `variable` reads an environ for its access
    /// line, and a request that has none gives none.
    pub fn begin_of(
        &mut self,
        parsed: &Parsed,
        via: Via,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Begin {
        let access = self.access.as_mut();
        let draft = access.and_then(|access| access.begin(parsed, &via, variable));
        Begin {
            framing: parsed.framing,
            asked: Asked {
                is_head: parsed.method == "HEAD",
                minor: parsed.minor,
                keep_alive: parsed.keep_alive,
            },
            expects_continue: parsed.expects_continue,
            client: via.client,
            kind: Kind::new(parsed.method.as_bytes(), parsed.target.path),
            id: via.id,
            draft,
        }
    }

    /// The head was valid: an exchange begins. Returns the number of the request.
    pub fn begin(&mut self, token: Token, head: Head, begin: Begin, exchange: I::Exchange) -> u32 {
        self.slot.requests.add();
        let now = self.now;
        let came = self.timer.to_monotonic(now);
        let client = begin.client;
        let is_there = self.conns.get_mut(token).is_some();
        let show = || self.slot.table.show(head.bytes(), client, came);
        let place = is_there.then(show).unwrap_or_default();
        self.take_in(token, head, begin);
        let Some(conn) = self.conns.get_mut(token) else { return 0 };
        conn.request.place = place;
        conn.enter(Phase::Exchange, &self.slot);
        conn.exchange = Some(exchange);
        conn.seq
    }

    /// Makes the connection ready for a request and its response.
    pub(crate) fn take_in(&mut self, token: Token, head: Head, begin: Begin) {
        let draining = self.stop.is_begun();
        let now = self.now;
        self.give_back(token, head);
        let Some(conn) = self.conns.get_mut(token) else { return };
        conn.transport.input.scanned = 0;
        conn.seq = conn.seq.wrapping_add(1).max(1);
        conn.times.since = now;
        conn.request = Request {
            id: begin.id,
            kind: begin.kind,
            draft: begin.draft,
            spent: Spent::since(now),
            ..Request::default()
        };
        conn.ingress = Ingress::new(Body::new(begin.framing), begin.expects_continue);
        conn.egress.begin(begin.asked);
        conn.websocket = None;
        conn.wants_body = false;
        conn.wants_drain = false;
        if draining {
            conn.egress.response.close_after();
        }
    }

    /// The head was not valid: answers and closes.
    pub fn reject(&mut self, token: Token, head: Head, reject: Reject) {
        if let (Some(access), Some(conn)) = (&mut self.access, self.conns.get_mut(token)) {
            let refused = Refused::new(head.bytes(), conn.origin.peer);
            conn.request.draft = access.begin_refused(&refused);
        }
        let is_head = head.bytes().starts_with(b"HEAD ");
        self.give_back(token, head);
        if let Some(conn) = self.conns.get_mut(token) {
            let asked = Asked { is_head, ..Asked::default() };
            conn.egress.response = Response::new(asked);
            if reject == Reject::BodyTooLarge {
                conn.ingress.body = Body::new(Framing::UntilEnd); // it is on its way: see `step_linger`
            }
        }
        self.answer_reject(token, reject);
    }

    /// The exchange could not begin, through no fault of the client.
    pub fn fail(&mut self, token: Token, head: Head) {
        self.give_back(token, head);
        self.answer(token, 500, "The server failed.");
    }

    /// The head was looked at only: it is there as if it had just come.
    pub(crate) fn put_back(&mut self, token: Token, head: Head) {
        let start = head.start;
        self.give_back(token, Head { end: start, ..head });
        if let Some(conn) = self.conns.get_mut(token) {
            conn.transport.input.scanned = 0;
        }
    }

    fn give_back(&mut self, token: Token, head: Head) {
        let Head { buf, end, len, shared, .. } = head;
        let Some(conn) = self.conns.get_mut(token) else {
            if shared {
                self.buffers.scratch = buf;
            }
            return;
        };
        if shared {
            if end < len {
                conn.transport.input.append(&buf[end..len]);
            }
            self.buffers.scratch = buf;
        } else {
            let input = &mut conn.transport.input;
            (input.bytes, input.at) = (buf, end);
            input.compact_if_empty();
        }
    }
}

impl<I: Interface> Conn<I> {
    /// The head that input begins with, if it has come whole.
    pub(crate) fn pending_head(&mut self, limits: &Limits) -> Result<Option<Head>, Reject> {
        let input = &mut self.transport.input;
        let size = input.pending().len();
        if size == 0 {
            return Ok(None);
        }
        if self.is_stream() && size <= limits.head {
            return Ok(Some(self.take_head(size))); // it is nothing but a whole head
        }
        let input = &mut self.transport.input;
        let end = find_end(&input.bytes[input.at..], &mut input.scanned, limits)?;
        Ok(end.map(|end| self.take_head(end)))
    }

    fn take_head(&mut self, end: usize) -> Head {
        let input = &mut self.transport.input;
        let start = std::mem::take(&mut input.at);
        let buf = std::mem::take(&mut input.bytes);
        let len = buf.len();
        let form = match self.transport.link.carried() {
            None => Form::Http1,
            Some(carried) => Form::Http2 {
                bodyless: carried.stream.is_bodyless(),
                connects_websocket: carried.stream.connects_websocket,
            },
        };
        Head { buf, start, end: start + end, len, shared: false, form }
    }
}
