//! One connection, made of its parts, and when it has to be looked at.

use std::os::fd::RawFd;

use tricorn_wire::body::Body;
use tricorn_wire::chunked::OwnedField;

use crate::exchange::{Egress, Ingress, Request};
use crate::listen::via::Origin;
use crate::mux::streams::Streams;
use crate::observe::scoreboard::Row;
use crate::reactor::phase::Phase;
use crate::reactor::timer::NEVER;
use crate::settings::Timeouts;
use crate::transport::link::Link;
use crate::transport::Transport;
use crate::websocket::WebSocket;
use crate::Interface;

/// How often in `--write-timeout` it is looked whether the client takes bytes.
const LOOKS: u64 = 4;

/// The times of a connection, in milliseconds of the reactor.
pub(crate) struct Times {
    /// When the present phase began or last made progress.
    pub(crate) since: u64,
    /// When it was last looked whether the client takes output that waits.
    pub(crate) looked: u64,
    /// The latest end of lingering, once its write side is shut.
    pub(crate) lingers_until: u64,
    pub(crate) deadline: u64,
    /// The deadline has passed, and the connection is to be looked at.
    pub(crate) expired: bool,
}

pub struct Conn<I: Interface> {
    pub transport: Transport<I::Bytes>,
    pub(crate) origin: Origin,
    /// Changes in `enter` only, which counts.
    phase: Phase,
    /// Where it was and where it was to go, if there is no such way: it ends.
    pub(crate) stray: Option<(Phase, Phase)>,
    pub(crate) times: Times,
    /// Counts the requests; tells the application's handles of different requests apart.
    pub seq: u32,
    pub request: Request,
    pub ingress: Ingress,
    pub egress: Egress,
    pub exchange: Option<I::Exchange>,
    /// The application waits for body bytes or for the peer to go; set by `want_body`.
    pub wants_body: bool,
    /// The application waits for the output to drain.
    pub wants_drain: bool,
    /// There if the connection speaks HTTP/2.
    pub(crate) streams: Option<Box<Streams>>,
    /// There if the connection is a WebSocket, or its running request asks for one.
    pub websocket: Option<Box<WebSocket>>,
    /// Waits in the reactor's queue.
    pub(crate) queued: bool,
    /// It was its turn while its output waited to go out with others.
    pub(crate) passed_over: bool,
    /// No need to linger: closes as soon as the output is out.
    pub(crate) brief: bool,
}

impl<I: Interface> Conn<I> {
    pub(crate) fn new(link: Link, origin: Origin, now: u64) -> Self {
        let times = Times {
            since: now,
            looked: now,
            lingers_until: NEVER,
            deadline: NEVER,
            expired: false,
        };
        Self {
            transport: Transport::new(link),
            origin,
            phase: Phase::Head,
            stray: None,
            times,
            seq: 0,
            request: Request::default(),
            ingress: Ingress::new(Body::Done, false),
            egress: Egress::new(),
            exchange: None,
            wants_body: false,
            wants_drain: false,
            streams: None,
            websocket: None,
            queued: false,
            passed_over: false,
            brief: false,
        }
    }

    /// The socket that carries it, itself or with others.
    pub fn fd(&self) -> RawFd {
        self.transport.fd()
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Goes on to another phase: the one place where a request begins or ends to be in flight.
    pub(crate) fn enter(&mut self, phase: Phase, row: &Row) {
        if !self.phase.may_become(phase) {
            debug_assert!(false, "a connection went from {:?} to {phase:?}", self.phase);
            self.stray = Some((self.phase, phase));
            self.transport.break_if(true);
            return;
        }
        match (self.phase == Phase::Exchange, phase == Phase::Exchange) {
            (false, true) => row.in_flight.add(),
            (true, false) => {
                row.in_flight.subtract();
                row.table.hide(&mut self.request.place);
                self.request.id = None;
            }
            _ => {}
        }
        self.phase = phase;
    }

    /// Has all of the request body been handed out?
    pub fn body_done(&self) -> bool {
        self.ingress.body.is_done()
    }

    /// Has the peer gone, as far as a waiting application is concerned? A half-closed peer still
    /// reads, but it can't be told from one that has closed.
    pub fn is_gone(&self) -> bool {
        self.transport.is_gone()
    }

    /// Is it, or was it to become, a WebSocket that has ended for its application?
    pub fn is_parted(&self) -> bool {
        self.websocket.as_ref().is_some_and(|socket| socket.has_ended())
    }

    /// Can nothing be sent any more?
    pub fn is_broken(&self) -> bool {
        self.transport.is_broken()
    }

    /// Is it a stream of another?
    pub(crate) fn is_stream(&self) -> bool {
        self.transport.is_stream()
    }

    pub fn take_trailers(&mut self) -> Vec<OwnedField> {
        std::mem::take(&mut self.ingress.trailers)
    }

    /// Between requests, with nothing on its way in or out?
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == Phase::Head && !self.is_runnable() && self.is_sent() && !self.is_begun()
    }

    /// Has a part of a head come, or of a TLS handshake?
    pub(crate) fn is_begun(&self) -> bool {
        !self.transport.input.is_empty()
            || self.transport.output.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Has everything that was to be sent gone to the kernel?
    pub(crate) fn is_sent(&self) -> bool {
        self.transport.output.is_empty() && !self.egress.is_batched()
    }

    /// Is there anything to do for this connection without a new event?
    pub(crate) fn is_runnable(&self) -> bool {
        let input = !self.transport.input.is_empty() || self.transport.readable;
        match self.phase {
            Phase::Head => input,
            Phase::Admission => false,
            // What a client sends before it is accepted can wait.
            Phase::Exchange if self.websocket.is_some() => {
                self.wants_body && (self.is_gone() || self.is_parted())
            }
            // What comes behind the body is the next request: that has to wait.
            Phase::Exchange => {
                self.wants_body && (input && !self.ingress.body.is_done() || self.is_gone())
            }
            Phase::Streams => input || self.streams.as_ref().is_some_and(|all| all.has_held()),
            Phase::Discard(_) | Phase::Linger | Phase::WebSocket => input,
        }
    }

    /// When this connection has to be looked at if nothing happens.
    pub(crate) fn next_deadline(&self, timeouts: &Timeouts) -> u64 {
        let after = |milliseconds: u64| self.times.since.saturating_add(milliseconds);
        let write = if self.transport.output.is_empty() {
            NEVER
        } else {
            // Now and then it is looked whether the client takes what the kernel has.
            after(timeouts.write)
                .min(self.times.looked.max(self.times.since).saturating_add(timeouts.write / LOOKS))
        };
        if let (Some(socket), Phase::WebSocket) = (&self.websocket, self.phase) {
            return write.min(socket.deadline());
        }
        if write != NEVER {
            return write;
        }
        match self.phase {
            Phase::Head if !self.transport.input.is_empty() => after(timeouts.head),
            Phase::Head if self.seq == 0 => after(timeouts.first),
            Phase::Head => after(timeouts.keep_alive),
            Phase::Admission => after(timeouts.queue),
            Phase::Exchange if self.wants_body && !self.ingress.body.is_done() => {
                after(timeouts.body)
            }
            Phase::Exchange | Phase::WebSocket => NEVER,
            Phase::Discard(_) => after(timeouts.body),
            Phase::Linger => after(timeouts.linger).min(self.times.lingers_until),
            Phase::Streams => self.streams.as_ref().map_or(NEVER, |all| {
                all.time_left(timeouts).map_or(NEVER, |(since, left)| since.saturating_add(left))
            }),
        }
    }
}
