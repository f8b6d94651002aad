//! Connections that are WebSockets: frames in and out, keep-alive, and how they end.
//!
//! ```text
//!   open ── close of the client ─► answered ─┐
//!    ├──── close of ours ─► awaiting theirs ─┼─► over ─► Phase::Linger
//!    └──── fault, lost ──────────────────────┘
//! ```
//! Messages wait in a queue for the application. While it is full nothing is read, so a client that
//! sends more than is taken from it is stopped by its own socket. `state` is what one of them has.

mod state;

use tricorn_wire::ws::close;
use tricorn_wire::ws::deflate::compress::Compressors;
use tricorn_wire::ws::deflate::inflate::Inflaters;
use tricorn_wire::ws::deflate::Agreed;
use tricorn_wire::ws::frame::{control, Opcode, Prefix};
use tricorn_wire::ws::handshake::Refusal;

use self::state::{after, Stage};
pub use self::state::{News, WebSocket};
use crate::answers::answer::Answer;
use crate::reactor::conn::Conn;
use crate::reactor::egress::{CORK, SMALL};
use crate::reactor::phase::Phase;
use crate::transport::{Peer, Received};
use crate::Interface;
use crate::{Begin, Head, Net, Sent, Step, Token};

/// Reads in a row before others get a turn.
const READS: usize = 4;
/// What all WebSockets of a reactor share.
#[derive(Default)]
pub(super) struct Pools {
    inflaters: Inflaters,
    compressors: Compressors,
}

impl<I: Interface> Net<I> {
    /// Answers a request for a WebSocket that can't be one.
    pub fn refuse_handshake(&mut self, token: Token, head: Head, begin: Begin, refusal: Refusal) {
        let (status, text) = (refusal.status(), refusal.detail());
        let answer = Answer { status, field: refusal.field(), text };
        self.answer_head(token, head, begin, &answer);
        self.enqueue(token);
    }

    /// The request that has begun asks for a WebSocket.
    pub fn await_accept(&mut self, token: Token, agreed: Option<Agreed>) {
        let socket = WebSocket::new(&self.settings.websockets, agreed);
        if let Some(conn) = self.conns.get_mut(token) {
            conn.websocket = Some(Box::new(socket));
        }
    }

    /// The WebSocket of `token` if it was opened by request number `seq`.
    pub fn websocket(&mut self, token: Token, seq: u32) -> Option<&mut Conn<I>> {
        let conn = self.conns.get_mut(token)?;
        let runs = conn.seq == seq && conn.phase() == Phase::WebSocket && conn.exchange.is_some();
        runs.then_some(conn)
    }

    /// What comes next for the application; None if there is no such WebSocket.
    pub fn news(&mut self, token: Token, seq: u32) -> Option<News> {
        let settings = self.settings.websockets;
        let socket = self.websocket(token, seq)?.websocket.as_mut()?;
        let was_full = socket.is_full(&settings);
        let news = socket.next();
        if was_full && !socket.is_full(&settings) {
            self.enqueue(token); // there is room to read on
        }
        Some(news)
    }

    /// The application has accepted: the head of the answer is in `held`, but for its end.
    pub fn open_websocket(&mut self, token: Token) -> Sent {
        self.refresh_date();
        let now = self.now;
        let Some(conn) = self.conns.get_mut(token) else { return Sent::Broken };
        let stamp = self.settings.stamp(&self.date.text, conn.transport.secured.as_ref());
        conn.egress.response.end_switch(stamp, &mut conn.egress.held);
        if let (Some(access), Some(draft)) = (&self.access, &mut conn.request.draft) {
            access.note_fields(draft, &conn.egress.held);
        }
        conn.enter(Phase::WebSocket, &self.slot);
        conn.request.called = false; // no request is being served any more
        conn.times.since = now;
        conn.push_held();
        if let Some(socket) = &mut conn.websocket {
            socket.note_alive(now, &self.settings.websockets);
        }
        self.end_line(token);
        self.room_made();
        self.load_fell();
        if self.stop.is_begun() {
            self.close_websocket(token, self.parting_code(), "");
        }
        self.enqueue(token); // frames may have come already
        self.sent(token)
    }

    /// What a client is told when the server leaves: to come again at once, if others are there.
    fn parting_code(&self) -> u16 {
        if self.stop.is_patient() {
            close::RESTART
        } else {
            close::GOING_AWAY
        }
    }

    /// The server leaves: nobody waits for a WebSocket to end by itself, or to be accepted by an
    /// application that waits for a client.
    pub(super) fn part_websockets(&mut self) {
        let code = self.parting_code();
        let mut asked = Vec::new();
        for (token, conn) in self.conns.iter_mut() {
            let is_asked = conn.phase() == Phase::Exchange;
            if let (Some(socket), true) = (&mut conn.websocket, is_asked) {
                socket.part(code);
                asked.push(token);
            }
        }
        asked.into_iter().for_each(|token| self.enqueue(token));
        let open = |(token, conn): (Token, &mut Conn<I>)| {
            (conn.phase() == Phase::WebSocket).then_some(token)
        };
        let tokens: Vec<Token> = self.conns.iter_mut().filter_map(open).collect();
        for token in tokens {
            self.close_websocket(token, self.parting_code(), "");
        }
    }

    /// Sends a message. `keep` makes the bytes last if the socket does not take them all.
    pub fn send_message(
        &mut self,
        token: Token,
        is_text: bool,
        message: &[u8],
        keep: impl FnOnce() -> I::Bytes,
    ) -> Sent {
        let Some(conn) = self.conns.get_mut(token) else { return Sent::Broken };
        let Some(socket) = &mut conn.websocket else { return Sent::Broken };
        let opcode = if is_text { Opcode::Text } else { Opcode::Binary };
        let pool = &mut self.shared.compressors;
        let small = socket.deflate.as_mut().and_then(|deflate| deflate.compress(message, pool));
        let (bytes, is_compressed) = small.map_or((message, false), |small| (small, true));
        let prefix = Prefix::new(opcode, is_compressed, bytes.len());
        conn.egress.held.extend_from_slice(prefix.bytes());
        if is_compressed || bytes.len() <= SMALL {
            conn.egress.held.extend_from_slice(bytes);
            if conn.egress.held.len() <= CORK {
                self.cork(token);
                return Sent::Fine;
            }
            conn.push_held();
        } else {
            conn.push_large(message, keep);
        }
        self.sent(token)
    }

    /// Sends a close, if there was none, and waits for that of the client for a while.
    pub fn close_websocket(&mut self, token: Token, code: u16, reason: &str) {
        self.touch();
        let by = after(self.now, self.settings.websockets.close_timeout);
        let Some(conn) = self.conns.get_mut(token) else { return };
        let Some(socket) = &mut conn.websocket else { return };
        if socket.stage == Stage::Open {
            socket.say_close(code, reason, &mut conn.egress.held);
            socket.by = by;
            conn.push_held();
            self.sent(token);
            self.renew(token);
        }
        self.enqueue(token);
    }

    pub(super) fn step_websocket(&mut self, token: Token) -> Step<I> {
        self.ensure_scratch();
        self.send_pong(token);
        for _ in 0..READS {
            let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
            let Some(socket) = &mut conn.websocket else { return Step::Idle };
            let has_app = conn.exchange.is_some();
            if has_app && (socket.has_ended() || (conn.wants_body && socket.has_news())) {
                return Step::Body;
            }
            if socket.stage == Stage::Over {
                return self.leave_websocket(token);
            }
            if let Some(fault) = socket.fault {
                if has_app && !(conn.wants_body && socket.queue.is_empty()) {
                    return Step::Idle;
                }
                socket.fail(fault, &mut conn.egress.held);
                conn.push_held();
                self.sent(token);
                continue;
            }
            if socket.is_full(&self.settings.websockets) || !self.read_frames(token) {
                return Step::Idle;
            }
        }
        self.enqueue(token);
        Step::Again
    }

    /// Reads once; false if there was nothing.
    fn read_frames(&mut self, token: Token) -> bool {
        let Some(conn) = self.conns.get_mut(token) else { return false };
        if !conn.transport.input.is_empty() {
            let mut input = std::mem::take(&mut conn.transport.input);
            let at = input.at;
            let taken = self.feed(token, &mut input.bytes[at..]);
            let Some(conn) = self.conns.get_mut(token) else { return false };
            conn.transport.input = input;
            conn.transport.input.at = at + taken;
            conn.transport.input.compact_if_empty();
            return true;
        }
        match conn.transport.receive(&mut self.buffers.scratch) {
            Received::Nothing => return false,
            Received::End | Received::Plain => {
                if let Some(socket) = &mut conn.websocket {
                    socket.lose();
                }
            }
            Received::Bytes(size) => {
                let mut scratch = std::mem::take(&mut self.buffers.scratch);
                let taken = self.feed(token, &mut scratch[..size]);
                if let Some(conn) = self.conns.get_mut(token) {
                    conn.transport.input.append(&scratch[taken..size]);
                    if conn.is_stream() {
                        self.stir(token); // the client may send more
                    }
                }
                self.buffers.scratch = scratch;
            }
        }
        true
    }

    /// Gives bytes to the frames of the connection, and sends what they call for.
    fn feed(&mut self, token: Token, input: &mut [u8]) -> usize {
        let settings = &self.settings.websockets;
        let most = self.settings.write_buffer;
        let Some(conn) = self.conns.get_mut(token) else { return 0 };
        let Some(socket) = &mut conn.websocket else { return 0 };
        socket.note_alive(self.now, settings);
        let is_stuck = conn.transport.output.len() + conn.egress.held.len() > most;
        let had = conn.egress.held.len();
        let taken = socket.feed(input, is_stuck, settings, &mut self.shared, &mut conn.egress.held);
        if socket.fault.is_some() && socket.stage == Stage::Open {
            socket.by = after(self.now, settings.close_timeout);
        }
        if conn.egress.held.len() > had {
            conn.push_held();
            self.sent(token);
        }
        taken
    }

    /// The answer to the last ping, once there is room.
    fn send_pong(&mut self, token: Token) {
        let most = self.settings.write_buffer;
        let Some(conn) = self.conns.get_mut(token) else { return };
        let Some(socket) = &mut conn.websocket else { return };
        if socket.pong.is_none() || conn.transport.output.len() > most / 2 {
            return;
        }
        if let (Some(body), Stage::Open) = (socket.pong.take(), socket.stage) {
            control(Opcode::Pong, &body, &mut conn.egress.held);
            conn.push_held();
            self.sent(token);
        }
    }

    /// Both sides have said that it is over, or one of them can't.
    fn leave_websocket(&mut self, token: Token) -> Step<I> {
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        conn.egress.response.abandon();
        if conn.is_broken() {
            return Step::Closed(self.close(token));
        }
        // A client that has closed sends nothing more that could turn our end into a reset.
        let is_read = !conn.transport.readable && conn.transport.input.is_empty();
        conn.brief = is_read || conn.transport.peer == Peer::Ended;
        conn.websocket = None;
        conn.push_held();
        self.sent(token);
        self.linger(token);
        self.enqueue(token);
        Step::Again
    }

    /// The connection is broken: its application is told first, if it has not been.
    pub(super) fn step_broken(&mut self, token: Token) -> Step<I> {
        if let Some(conn) = self.conns.get_mut(token) {
            if let Some((from, next)) = conn.stray.take() {
                self.complaint =
                    Some(format!("a bug in Tricorn: a connection went from {from:?} to {next:?}"));
            }
            conn.transport.break_if(true);
            let tells = conn.phase() == Phase::WebSocket && conn.exchange.is_some();
            if let (Some(socket), true) = (&mut conn.websocket, tells) {
                socket.lose();
                return Step::Body;
            }
        }
        Step::Closed(self.close(token))
    }

    /// The deadline has passed: to ping, of the answer to a ping, of the client's close, or of
    /// output that nobody reads.
    pub(super) fn expire_websocket(&mut self, token: Token) -> Option<Step<I>> {
        let (now, write) = (self.now, self.settings.timeouts.write);
        let settings = &self.settings.websockets;
        let conn = self.conns.get_mut(token)?;
        let socket = conn.websocket.as_mut()?;
        if !conn.transport.output.is_empty() && conn.times.since.saturating_add(write) <= now {
            conn.transport.link.break_off();
            return Some(self.step_broken(token));
        }
        if socket.by > now {
            self.renew(token);
            return None;
        }
        let unread = conn.transport.readable || !conn.transport.input.bytes.is_empty();
        match (socket.stage, socket.fault) {
            (_, Some(fault)) => socket.fail(fault, &mut conn.egress.held),
            (Stage::Open, None) if !socket.is_pinged => {
                control(Opcode::Ping, b"", &mut conn.egress.held);
                socket.is_pinged = settings.ping_timeout > 0;
                let wait =
                    if socket.is_pinged { settings.ping_timeout } else { settings.ping_interval };
                socket.by = after(now, wait);
            }
            // The answer may be among what was not read yet.
            (Stage::Open, None) if unread => socket.by = after(now, settings.ping_timeout),
            (Stage::Open, None) => {
                socket.say_close(
                    close::SERVER_ERROR,
                    "keepalive ping timeout",
                    &mut conn.egress.held,
                );
                socket.stage = Stage::Over;
            }
            _ => socket.stage = Stage::Over,
        }
        if !conn.egress.held.is_empty() {
            conn.push_held();
            self.sent(token);
        }
        None
    }
}
