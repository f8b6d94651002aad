//! Connections that speak HTTP/2: each of their streams is a connection in the reactor, with its
//! request as a head that has come whole.
//!
//! What a stream does is sent when its connection is driven: at once, or with what others of the
//! same batch do. A thread that waits for the client of a stream drives it too (`waiting`).

use std::sync::Arc;

use tricorn_http2::{Connection, Event, Stream, PREFACE};

use crate::reactor::conn::Conn;
use crate::reactor::phase::Phase;
use crate::settings::{Settings, Timeouts};
use crate::sys;
use crate::transport::link::{Carried, Link, Load};
use crate::transport::Received;
use crate::{Head, Interface, Net, Step, Token};

/// What a client that speaks HTTP/2 sends first, as far as it looks like a head (RFC 9113 §3.4).
const GREETING: &[u8] = PREFACE.split_at(18).0;
/// Input that may wait until output is out.
const UNREAD: usize = 64 * 1024;
/// What the kernel may hold of the output ahead of the network.
const UNSENT: u32 = 128 * 1024;
/// A buffer that a connection keeps.
const KEPT: usize = 64 * 1024;
/// Reads in a row before others get a turn.
const READS: usize = 8;

/// What a connection has for its streams.
pub(crate) struct Streams {
    http2: Connection,
    pub(crate) open: Vec<Token>,
    /// Have given all that there was room for; the connection tells when there is more.
    waiting: Vec<Token>,
    load: Arc<Load>,
    /// What has come behind the frames of one turn.
    held: Vec<u8>,
    /// What goes to the socket.
    wire: Vec<u8>,
    /// Since when it has no stream, or was told to end.
    since: u64,
    /// Since when a head is under way.
    head_since: Option<u64>,
    served: bool,
    stopping: bool,
}

impl Streams {
    /// Takes what came, as far as one turn goes, and holds the rest.
    fn receive(&mut self, came: &[u8], now: u64) {
        let (first, later) = came.split_at(self.http2.turn(came));
        self.http2.receive(first, now / 1000);
        self.held.extend_from_slice(later);
        let since = self.head_since.unwrap_or(now);
        self.head_since = self.http2.in_head().then_some(since);
    }

    /// Is something left of what came?
    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Which time runs: since when, and how long.
    pub(crate) fn time_left(&self, timeouts: &Timeouts) -> Option<(u64, u64)> {
        if let Some(since) = self.head_since {
            return Some((since, timeouts.head));
        }
        let most = match (self.stopping, self.served) {
            (true, _) => timeouts.linger,
            (false, true) => timeouts.keep_alive,
            (false, false) => timeouts.first,
        };
        self.open.is_empty().then_some((self.since, most))
    }
}

impl<I: Interface> Net<I> {
    /// Does the client begin to speak HTTP/2? Then it is no head.
    pub(crate) fn greets(&mut self, token: Token, head: Head) -> Result<Step<I>, Head> {
        let is_greeting = self.settings.http2.is_some() && head.bytes() == GREETING;
        let Some(conn) = self.conns.get_mut(token) else { return Err(head) };
        if !is_greeting || conn.seq != 0 || !conn.may_greet(&self.settings) {
            return Err(head);
        }
        self.put_back(token, head);
        let came =
            self.conns.get_mut(token).map(|conn| conn.transport.input.take()).unwrap_or_default();
        Ok(self.begin_streams(token, &came))
    }

    /// From now on the connection carries streams; `came` is what the client has sent so far.
    pub(crate) fn begin_streams(&mut self, token: Token, came: &[u8]) -> Step<I> {
        let (limits, now) = (self.settings.http2, self.now);
        let (Some(conn), Some(limits)) = (self.conns.get_mut(token), limits) else {
            return Step::Idle;
        };
        conn.streams = Some(Box::new(Streams {
            head_since: Some(now),
            http2: Connection::new(&limits),
            open: Vec::new(),
            waiting: Vec::new(),
            load: Arc::default(),
            held: came.to_vec(),
            wire: Vec::new(),
            since: now,
            served: false,
            stopping: false,
        }));
        sys::limit_unsent(conn.fd(), UNSENT);
        conn.enter(Phase::Streams, &self.slot);
        if self.stop.is_begun() {
            self.stop_streams(token);
        }
        self.step_streams(token)
    }

    /// Reads what has come, and goes on with what is to be sent.
    pub(crate) fn step_streams(&mut self, token: Token) -> Step<I> {
        self.ensure_scratch();
        self.drive(token);
        for _ in 0..READS {
            let now = self.now;
            let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
            if conn.is_broken() {
                return Step::Closed(self.close(token));
            }
            if conn.phase() != Phase::Streams {
                return Step::Again;
            }
            let stuck = conn.streams.as_ref().is_some_and(|all| all.http2.unread() >= UNREAD);
            if stuck {
                return Step::Idle; // the client has to read first
            }
            if !self.resume_turn(token) {
                let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
                let received = conn.transport.receive(&mut self.buffers.scratch);
                let Some(all) = conn.streams.as_mut() else { return Step::Idle };
                match received {
                    Received::Nothing => return Step::Idle,
                    Received::Bytes(size) => all.receive(&self.buffers.scratch[..size], now),
                    Received::End | Received::Plain => all.http2.receive_end(),
                }
            }
            self.drive(token);
            if self.streams_of(token).is_some_and(|all| all.has_held()) {
                return self.put_off(token); // others first, also those of whom no event has told
            }
        }
        self.enqueue(token);
        Step::Again
    }

    /// Goes on with what the last turn has left, if it has.
    fn resume_turn(&mut self, token: Token) -> bool {
        let now = self.now;
        let held = self.streams_of(token).map(|all| std::mem::take(&mut all.held));
        let Some(held) = held.filter(|held| !held.is_empty()) else { return false };
        self.release(); // no response of another waits for this
        if let Some(all) = self.streams_of(token) {
            all.receive(&held, now);
        }
        true
    }

    /// Lets the protocol go on: new streams, streams that can go on, output.
    pub(crate) fn drive(&mut self, token: Token) {
        loop {
            let over = self.take_requests(token);
            self.wake_streams(token);
            let sent = self.send_wire(token);
            if over {
                return self.end_streams(token);
            }
            if !sent {
                break;
            }
        }
        self.next_round(token);
    }

    /// True if the connection is over.
    fn take_requests(&mut self, token: Token) -> bool {
        loop {
            let Some(conn) = self.conns.get_mut(token) else { return false };
            let Some(all) = conn.streams.as_mut() else { return false };
            match all.http2.poll() {
                Event::Idle => return false,
                Event::Over => return true,
                Event::Request { head, stream } => {
                    self.open_stream(token, head, stream);
                }
            }
        }
    }

    /// A request has come: from now on its stream is a connection like others. One that was reset
    /// before we have looked at it costs nobody anything more.
    fn open_stream(&mut self, parent: Token, head: Vec<u8>, mut stream: Stream) {
        if stream.is_gone() {
            return;
        }
        let now = self.now;
        let Some(conn) = self.conns.get_mut(parent) else { return };
        let Some(all) = conn.streams.as_mut() else { return };
        let load = Arc::clone(&all.load);
        let fd = conn.transport.link.fd();
        let carried = Carried::new(stream, parent, fd, load);
        let secured = conn.transport.secured.clone();
        let mut child = Conn::new(Link::Stream(Box::new(carried)), conn.origin.of_stream(), now);
        child.transport.secured = secured;
        child.transport.writable = true;
        child.transport.readable = true;
        child.transport.input.bytes = head;
        let token = self.conns.insert(child);

        if let Some(carried) =
            self.conns.get_mut(token).and_then(|conn| conn.transport.link.carried())
        {
            carried.stream.set_key(token.pack());
        }
        if let Some(all) = self.streams_of(parent) {
            all.open.push(token);
            all.served = true;
        }
        self.enqueue(token);
        self.renew(token);
    }

    pub(crate) fn streams_of(&mut self, token: Token) -> Option<&mut Streams> {
        self.conns.get_mut(token)?.streams.as_deref_mut()
    }

    /// Streams about which the client has said something.
    fn wake_streams(&mut self, token: Token) {
        let Some(all) = self.streams_of(token) else { return };
        let updates = all.http2.take_priorities();
        for key in all.http2.woken() {
            let stream = Token::unpack(key);
            let Some(conn) = self.conns.get_mut(stream) else { continue };
            conn.transport.stir();
            self.enqueue(stream);
        }
        for (id, priority) in updates {
            let Some(all) = self.streams_of(token) else { return };
            for stream in all.open.clone() {
                let carried =
                    self.conns.get_mut(stream).and_then(|conn| conn.transport.link.carried());
                if let Some(carried) = carried.filter(|carried| carried.stream.id() == id) {
                    carried.stream.priority = priority;
                }
            }
        }
    }

    /// Sends what the protocol has made, if the socket takes it; true if there was something and
    /// there may be more.
    fn send_wire(&mut self, token: Token) -> bool {
        let Some(conn) = self.conns.get_mut(token) else { return false };
        let Some(all) = conn.streams.as_mut() else { return false };
        if !conn.transport.output.is_empty() {
            return false; // what is made now may be overtaken; what is in the output, not
        }
        let mut wire = std::mem::take(&mut all.wire);
        all.http2.take_output(&mut wire);
        if wire.is_empty() {
            return false;
        }
        conn.push(&wire);
        self.settle_output(token);
        wire.clear();
        let Some(conn) = self.conns.get_mut(token) else { return false };
        let idle = conn.transport.output.is_empty();
        if let (Some(all), true) = (&mut conn.streams, wire.capacity() <= KEPT) {
            all.wire = wire;
        }
        idle
    }

    /// There is room again: the most urgent streams that have something to give come first.
    fn next_round(&mut self, token: Token) {
        let Some(conn) = self.conns.get_mut(token) else { return };
        if !conn.transport.output.is_empty() {
            return;
        }
        let Some(all) = conn.streams.as_mut() else { return };
        all.load.clear();
        if all.waiting.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut all.waiting);
        waiting.sort_by_cached_key(|&stream| {
            let carried = self.conns.get_mut(stream).and_then(|conn| conn.transport.link.carried());
            carried.map(|carried| {
                let priority = carried.stream.priority;
                let turns = if priority.incremental { carried.turns } else { 0 };
                (priority.urgency, turns, carried.stream.id())
            })
        });
        for stream in waiting {
            if let Some(conn) = self.conns.get_mut(stream) {
                conn.transport.writable = true;
            }
            self.enqueue(stream);
        }
    }

    /// The stream has more to give, if others have left no room for it: then it waits its turn.
    pub(crate) fn wait_for_room(&mut self, token: Token) {
        let Some(conn) = self.conns.get_mut(token) else { return };
        let Some(carried) = conn.transport.link.carried().filter(|carried| carried.crowded) else {
            return;
        };
        carried.turns += 1;
        let parent = carried.parent;
        if let Some(all) = self.streams_of(parent) {
            if !all.waiting.contains(&token) {
                all.waiting.push(token);
            }
        }
    }

    /// Something was done with a stream: what it has to say goes out at once, or with what others
    /// of the same batch have to say.
    pub(crate) fn stir(&mut self, stream: Token) {
        let Some(parent) = self.conns.get_mut(stream).and_then(|conn| conn.transport.link.parent())
        else {
            return;
        };
        self.stir_parent(parent);
    }

    fn stir_parent(&mut self, parent: Token) {
        if !self.hold_streams(parent) {
            self.advance_parent(parent);
        }
    }

    /// Lets a connection go on outside of its own step.
    pub(crate) fn advance_parent(&mut self, parent: Token) {
        self.aside(|net| net.drive(parent));
    }

    /// Does something to which nobody may be about to turn.
    pub(crate) fn aside(&mut self, act: impl FnOnce(&mut Self)) {
        let had_work = self.has_work();
        act(self);
        if !had_work && self.has_work() {
            self.wake();
        }
    }

    /// The client is told to go elsewhere with what it has not asked yet.
    pub(crate) fn stop_streams(&mut self, token: Token) {
        let now = self.now;
        let Some(all) = self.streams_of(token) else { return };
        if !std::mem::replace(&mut all.stopping, true) {
            all.since = now;
            all.http2.shut_down();
            self.enqueue(token);
            self.renew(token);
        }
    }

    /// The connection has ended for the protocol, and with it every stream.
    fn end_streams(&mut self, token: Token) {
        self.send_wire(token);
        self.desert_streams(token);
        let Some(conn) = self.conns.get_mut(token) else { return };
        if conn.phase() == Phase::Streams {
            conn.egress.response.abandon();
            self.linger(token);
            self.enqueue(token);
        }
    }

    /// Nobody carries its streams any more.
    pub(crate) fn desert_streams(&mut self, token: Token) {
        let Some(all) = self.streams_of(token) else { return };
        for stream in std::mem::take(&mut all.open) {
            if let Some(conn) = self.conns.get_mut(stream) {
                conn.transport.break_if(true);
            }
            self.enqueue(stream);
        }
    }

    /// The stream is no connection any more. It has been `quiet` since then: a stop that has waited
    /// for it does not wait for its client again.
    pub(crate) fn forget_stream(&mut self, parent: Token, stream: Token, quiet: u64) {
        let now = self.now;
        let Some(all) = self.streams_of(parent) else { return };
        all.open.retain(|&other| other != stream);
        if all.open.is_empty() {
            all.since = if all.stopping { all.since.max(quiet) } else { now };
            self.renew(parent);
        }
        self.stir_parent(parent);
    }

    /// The time of the connection is up: it is told to end, or ends.
    pub(crate) fn expire_streams(&mut self, token: Token) -> Step<I> {
        let Some(all) = self.streams_of(token) else { return Step::Idle };
        if all.stopping || all.head_since.is_some() || !all.served {
            return Step::Closed(self.close(token));
        }
        self.stop_streams(token);
        Step::Again
    }

    /// The client takes nothing of this stream, and its time is up. If it has taken nothing of any other
    /// meanwhile, its window is used up for good: it is told to connect anew, for what comes next.
    pub fn leave_if_stuck(&mut self, token: Token) {
        let carried = self.conns.get_mut(token).and_then(|conn| conn.transport.link.carried());
        if let Some(carried) = carried.filter(|carried| carried.is_stuck()) {
            let parent = carried.parent;
            self.stop_streams(parent);
        }
    }
}

impl<I: Interface> Conn<I> {
    /// May this client speak HTTP/2?
    fn may_greet(&self, settings: &Settings) -> bool {
        let known = self.transport.speaks_tls() || self.origin.standing.trusted;
        !self.is_stream()
            && !self.origin.standing.speaks_http1
            && (known || !settings.http2_trusted)
    }

    /// May its requests be of HTTP/1.1?
    pub(crate) fn may_speak_http1(&self, settings: &Settings) -> bool {
        self.is_stream() || self.origin.standing.speaks_http1 || !settings.http2_only
    }

    /// Was it agreed beforehand that a new client speaks HTTP/2?
    pub(crate) fn has_agreed(&self, settings: &Settings) -> bool {
        if !self.may_greet(settings) || settings.http2.is_none() {
            return false;
        }
        let chosen = self.transport.output.tls.as_ref().and_then(|tls| tls.protocol());
        settings.http2_only || chosen == Some(b"h2")
    }
}
