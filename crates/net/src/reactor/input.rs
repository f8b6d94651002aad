//! What comes in: heads, bodies, and what is read only to be thrown away.

use tricorn_wire::body::Body;
use tricorn_wire::head::find_end;
use tricorn_wire::reject::Reject;

use crate::observe::access::{Draft, Refused};
use crate::reactor::conn::Conn;
use crate::reactor::phase::Phase;
use crate::reactor::stop::Stop;
use crate::reactor::SCRATCH;
use crate::transport::link::Link;
use crate::transport::output::Flush;
use crate::transport::Received;
use crate::{Head, Interface, Net, Step, Token};

/// How much a lingering connection may still send before it is cut: a client that is in the middle of
/// an upload reads the answer when it has sent it all, or sees it on the way.
const LINGER_MOST: u64 = 1024 * 1024 * 1024;
/// The same for clients that are in the middle of nothing: whose head was refused, or that had streams.
const LINGER_LITTLE: u64 = 1024 * 1024;
/// A client that goes on to send has so many times of `--linger-timeout` in all.
const LINGER_TIMES: u64 = 15;
/// Reads in a row for one connection before others get a turn.
const READS: usize = 8;

/// What `pull` found.
#[derive(Debug, PartialEq, Eq)]
pub enum Pull {
    /// `pulled` holds bytes (or none, at the end of the body); `more` will come.
    Data { more: bool },
    /// Nothing yet.
    Later,
    /// The peer has gone: the body is cut, or there was nothing left to wait for.
    Gone,
    /// The body is malformed, or larger than allowed.
    Refused(Reject),
}

impl<I: Interface> Net<I> {
    /// Takes the connection as far as it goes without the interface.
    pub fn step(&mut self, token: Token) -> Step<I> {
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        if conn.is_broken() {
            return self.step_broken(token);
        }
        if conn.egress.is_batched() {
            conn.passed_over = true; // whatever has happened: an edge comes once
            return Step::Idle; // `release` goes on with it
        }
        if std::mem::take(&mut conn.times.expired) {
            if let Some(step) = self.expire(token) {
                return step;
            }
        }
        if let Some(step) = self.step_output(token) {
            return step;
        }
        let step = match self.step_input(token) {
            Step::Head(head) => self.take_up(token, head),
            step => step,
        };
        if matches!(step, Step::Idle | Step::Again) {
            self.renew(token);
        }
        step
    }

    /// What a whole head is: HTTP/2 to come, or a request that may have to wait.
    fn take_up(&mut self, token: Token, head: Head) -> Step<I> {
        match self.greets(token, head) {
            Ok(step) => step,
            Err(head) if self.is_http1_refused(token) => {
                self.reject(token, head, Reject::Http1);
                self.enqueue(token);
                Step::Again
            }
            Err(head) if self.settings.looks_at_heads => self.admit(token, head),
            Err(head) => Step::Head(head),
        }
    }

    fn is_http1_refused(&mut self, token: Token) -> bool {
        let conn = self.conns.get_mut(token);
        conn.is_some_and(|conn| !conn.may_speak_http1(&self.settings))
    }

    fn step_output(&mut self, token: Token) -> Option<Step<I>> {
        let low_water = self.settings.write_buffer / 2;
        let conn = self.conns.get_mut(token)?;
        if !conn.transport.output.is_empty() && conn.transport.writable {
            let before = conn.transport.output.len();
            let is_stream = conn.is_stream();
            match conn.flush_output() {
                Flush::Broken => return Some(self.step_broken(token)),
                Flush::Later => {
                    conn.transport.writable = false;
                    if conn.transport.output.len() < before {
                        conn.times.since = self.now;
                    }
                    self.wait_for_room(token);
                }
                Flush::Empty => {
                    conn.times.since = self.now;
                    if conn.phase() != Phase::Exchange {
                        self.end_line(token);
                    }
                }
                Flush::More => {
                    conn.times.since = self.now;
                    self.enqueue(token);
                    self.renew(token);
                    return Some(Step::Again);
                }
            }
            if is_stream {
                self.stir(token);
            }
        }
        let conn = self.conns.get_mut(token)?;
        if conn.wants_drain && conn.transport.output.is_drained(low_water) {
            conn.wants_drain = false;
            self.enqueue(token);
            return Some(Step::Drained);
        }
        None
    }

    fn step_input(&mut self, token: Token) -> Step<I> {
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        match conn.phase() {
            // The next request waits until the last response is out: back-pressure on pipelining.
            Phase::Head if conn.transport.output.is_empty() => self.step_head(token),
            Phase::Head | Phase::Admission => Step::Idle,
            Phase::Exchange if conn.wants_body && conn.is_runnable() => Step::Body,
            Phase::Exchange => Step::Idle,
            Phase::Discard(_) => self.step_discard(token),
            Phase::Linger => self.step_linger(token),
            Phase::Streams => self.step_streams(token),
            Phase::WebSocket => self.step_websocket(token),
        }
    }

    /// A head that another thread is parsing has the buffer: a read into none would look like the
    /// end of the stream.
    pub(crate) fn ensure_scratch(&mut self) {
        if self.buffers.scratch.is_empty() {
            self.buffers.scratch = vec![0; SCRATCH];
        }
    }

    fn step_head(&mut self, token: Token) -> Step<I> {
        if let Some(step) = self.step_preface(token) {
            return step;
        }
        self.ensure_scratch();
        for _ in 0..READS {
            let limits = self.settings.limits;
            let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
            match conn.pending_head(&limits) {
                Ok(Some(head)) => return Step::Head(head),
                Ok(None) => {}
                Err(reject) => return self.refuse(token, reject),
            }
            let greets = conn.transport.awaits_hello();
            if greets && self.turns.handshakes == 0 {
                return self.put_off(token);
            }
            let first = conn.seq == 0 && conn.transport.input.is_empty();
            let received = conn.transport.receive(&mut self.buffers.scratch);
            if greets && !conn.transport.awaits_hello() {
                self.turns.handshakes -= 1;
            }
            match received {
                Received::Nothing => {
                    let stops = self.stop == Stop::Now && !conn.is_begun();
                    if stops && !self.is_awaited(token) {
                        return Step::Closed(self.close(token));
                    }
                    return Step::Idle;
                }
                Received::Plain => return self.refuse(token, Reject::PlainHttp),
                Received::End => return Step::Closed(self.close(token)),
                Received::Bytes(len) if !conn.transport.input.is_empty() => {
                    conn.transport.input.append(&self.buffers.scratch[..len])
                }
                Received::Bytes(len) if first && conn.has_agreed(&self.settings) => {
                    let came = self.buffers.scratch[..len].to_vec();
                    return self.begin_streams(token, &came);
                }
                Received::Bytes(len) => {
                    if let Some(step) = self.take_first(token, len) {
                        return step;
                    }
                }
            }
        }
        self.enqueue(token);
        Step::Again
    }

    /// The first bytes of a head are in the scratch buffer. None if more have to come.
    fn take_first(&mut self, token: Token, len: usize) -> Option<Step<I>> {
        let limits = self.settings.limits;
        let conn = self.conns.get_mut(token)?;
        conn.times.since = self.now;
        conn.transport.input.scanned = 0;
        match find_end(&self.buffers.scratch[..len], &mut conn.transport.input.scanned, &limits) {
            Ok(Some(end)) => {
                let buf = std::mem::take(&mut self.buffers.scratch);
                Some(Step::Head(Head::of_scratch(buf, end, len)))
            }
            Ok(None) => {
                conn.transport.input.append(&self.buffers.scratch[..len]);
                None
            }
            Err(reject) => {
                let refused = Refused::new(&self.buffers.scratch[..len], conn.origin.peer);
                let access = self.access.as_mut();
                let draft = access.and_then(|access| access.begin_refused(&refused));
                Some(self.answer_refused(token, reject, draft))
            }
        }
    }

    /// Somebody waits for body bytes from now on: the timeouts run.
    pub fn want_body(&mut self, token: Token) {
        self.touch();
        let now = self.now;
        if let Some(conn) = self.conns.get_mut(token) {
            if !std::mem::replace(&mut conn.wants_body, true) {
                conn.times.since = now;
                conn.ingress.is_waited_for = true;
            }
        }
        self.renew(token);
    }

    /// Somebody has waited for body bytes in a thread of its own.
    pub fn note_waited(&mut self, token: Token, milliseconds: u64) {
        if let Some(conn) = self.conns.get_mut(token) {
            conn.ingress.waited += milliseconds;
        }
    }

    /// Puts body bytes, at most `most` of them, into `pulled`.
    pub fn pull(&mut self, token: Token, most: usize) -> Pull {
        self.ensure_scratch();
        self.buffers.pulled.clear();
        loop {
            let Some(conn) = self.conns.get_mut(token) else { return Pull::Gone };
            if conn.ingress.body.is_done() {
                return if conn.is_gone() { Pull::Gone } else { Pull::Later };
            }
            if let Err(nothing) = self.read_body(token, most) {
                return nothing;
            }
            let Some(conn) = self.conns.get_mut(token) else { return Pull::Gone };
            conn.transport.input.compact_if_empty();
            conn.ingress.expects_continue = false;
            if !self.buffers.pulled.is_empty() || conn.ingress.body.is_done() {
                return self.count_pulled(token);
            }
        }
    }

    /// Body bytes that have come go to `pulled`.
    fn read_body(&mut self, token: Token, most: usize) -> Result<(), Pull> {
        let limits = self.settings.limits;
        let Some(conn) = self.conns.get_mut(token) else { return Err(Pull::Gone) };
        if !conn.transport.input.is_empty() {
            let input = &mut conn.transport.input;
            let (out, trailers) = (&mut self.buffers.pulled, &mut conn.ingress.trailers);
            let taken = conn.ingress.body.read(input.pending(), out, most, &limits, trailers);
            input.at += taken.map_err(Pull::Refused)?;
            return Ok(());
        }
        match conn.transport.receive(&mut self.buffers.scratch) {
            Received::Nothing => {
                self.send_continue(token);
                Err(Pull::Later)
            }
            Received::End if conn.is_broken() => Err(Pull::Gone),
            Received::End if matches!(conn.ingress.body, Body::UntilEnd(_)) => {
                conn.ingress.trailers = conn.transport.take_trailers();
                conn.ingress.body.end();
                Ok(())
            }
            // A half-closed client may still read why.
            Received::End | Received::Plain => Err(Pull::Refused(Reject::BodyCut)),
            Received::Bytes(len) => {
                let input = &self.buffers.scratch[..len];
                let taken = conn.ingress.body.read(
                    input,
                    &mut self.buffers.pulled,
                    most,
                    &limits,
                    &mut conn.ingress.trailers,
                );
                let taken = taken.map_err(Pull::Refused)?;
                if taken < len {
                    conn.transport.input.append(&input[taken..]);
                }
                Ok(())
            }
        }
    }

    /// What was pulled counts for the minimum rate.
    fn count_pulled(&mut self, token: Token) -> Pull {
        let now = self.now;
        let (rate, grace) = (self.settings.body_rate, self.settings.timeouts.body);
        let Some(conn) = self.conns.get_mut(token) else { return Pull::Gone };
        conn.ingress.bytes += self.buffers.pulled.len() as u64;
        if std::mem::take(&mut conn.ingress.is_waited_for) {
            conn.ingress.waited += now.saturating_sub(conn.times.since);
        }
        conn.times.since = now;
        let (more, is_stream) = (!conn.ingress.body.is_done(), conn.is_stream());
        let slow = more && conn.ingress.is_too_slow(rate, grace);
        if is_stream {
            self.stir(token); // the client may send more
        }
        if slow {
            Pull::Refused(Reject::BodyTimeout)
        } else {
            Pull::Data { more }
        }
    }

    fn step_discard(&mut self, token: Token) -> Step<I> {
        for _ in 0..READS {
            let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
            let Phase::Discard(left) = conn.phase() else { return self.step_input(token) };
            if conn.ingress.body.is_done() {
                conn.enter(Phase::Head, &self.slot);
                conn.times.since = self.now;
                self.enqueue(token);
                return Step::Again;
            }
            match self.pull(token, SCRATCH) {
                Pull::Data { .. } => {
                    let size = self.buffers.pulled.len() as u64;
                    let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
                    if size > left {
                        self.linger(token);
                        return self.step_input(token);
                    }
                    conn.enter(Phase::Discard(left - size), &self.slot);
                }
                Pull::Later => return Step::Idle,
                Pull::Gone => return Step::Closed(self.close(token)),
                Pull::Refused(_) => {
                    self.linger(token);
                    return self.step_input(token);
                }
            }
        }
        self.enqueue(token);
        Step::Again
    }

    fn step_linger(&mut self, token: Token) -> Step<I> {
        self.ensure_scratch();
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        if !conn.transport.output.is_empty() {
            return Step::Idle;
        }
        if conn.brief && !conn.transport.readable || conn.is_stream() && !conn.is_answered_early() {
            return Step::Closed(self.close(token));
        }
        if !conn.transport.is_shut() {
            conn.transport.say_goodbye();
            if !conn.transport.is_sent() {
                return Step::Idle;
            }
            conn.transport.shut();
            conn.transport.readable |= conn.is_stream(); // nothing tells that its end was with what was read
            conn.times.since = self.now;
            conn.times.lingers_until = self.now + conn.linger_most(self.settings.timeouts.linger);
            conn.ingress.bytes = 0;
        }
        let uploads = conn.streams.is_none() && !conn.ingress.body.is_done();
        let most = if uploads { LINGER_MOST } else { LINGER_LITTLE };
        for _ in 0..READS {
            match conn.transport.receive(&mut self.buffers.scratch) {
                Received::Bytes(len) if conn.ingress.bytes < most => {
                    conn.ingress.bytes += len as u64;
                    if uploads {
                        conn.times.since = self.now; // as long as it goes on, but not for ever
                    }
                }
                Received::Nothing => {
                    self.stir(token); // a client of HTTP/2 may send more
                    return Step::Idle;
                }
                Received::Bytes(_) | Received::End | Received::Plain => {
                    return Step::Closed(self.close(token));
                }
            }
        }
        self.stir(token);
        self.enqueue(token);
        Step::Again
    }

    /// The deadline of the connection has passed.
    fn expire(&mut self, token: Token) -> Option<Step<I>> {
        let now = self.now;
        let conn = self.conns.get_mut(token)?;
        if conn.next_deadline(&self.settings.timeouts) > now {
            self.renew(token);
            return None; // something happened since it was seen
        }
        let has_output = !conn.transport.output.is_empty();
        let takes = has_output && self.takes(token);
        let conn = self.conns.get_mut(token)?;
        if conn.phase() == Phase::WebSocket {
            return self.expire_websocket(token);
        }
        if takes {
            self.renew(token);
            return None;
        }
        if has_output {
            self.leave_if_stuck(token);
            let conn = self.conns.get_mut(token)?;
            conn.transport.link.break_off(); // the peer reads nothing: no use in waiting for it
            return Some(Step::Closed(self.close(token)));
        }
        if conn.phase() == Phase::Head
            && conn.transport.readable
            && conn.transport.input.is_empty()
            && conn.transport.output.tls.as_mut().is_none_or(|tls| tls.may_be_late())
        {
            return None; // it came in time, and we are late: read it first
        }
        match conn.phase() {
            Phase::Head if !conn.transport.input.is_empty() => {
                Some(self.refuse(token, Reject::HeadTimeout))
            }
            Phase::Admission => Some(self.give_up_waiting(token)),
            Phase::Exchange => Some(Step::Stalled(Reject::BodyTimeout)),
            Phase::Streams => Some(self.expire_streams(token)),
            Phase::Head | Phase::Discard(_) | Phase::Linger | Phase::WebSocket => {
                Some(Step::Closed(self.close(token)))
            }
        }
    }

    /// What was kept of input begins with what is refused.
    fn refuse(&mut self, token: Token, reject: Reject) -> Step<I> {
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        let refused = Refused::new(conn.transport.input.pending(), conn.origin.peer);
        let draft = self.access.as_mut().and_then(|access| access.begin_refused(&refused));
        self.answer_refused(token, reject, draft)
    }

    fn answer_refused(
        &mut self,
        token: Token,
        reject: Reject,
        draft: Option<Box<Draft>>,
    ) -> Step<I> {
        if let Some(conn) = self.conns.get_mut(token) {
            conn.request.draft = draft;
        }
        self.answer_reject(token, reject);
        self.enqueue(token);
        Step::Again
    }
}

impl<I: Interface> Conn<I> {
    /// Is it a stream whose response is all out, and whose client may be sending still? A reset, though
    /// it is no error, makes clients lose the answer that send all before they look for one.
    fn is_answered_early(&self) -> bool {
        let is_answered =
            matches!(&self.transport.link, Link::Stream(carried) if carried.has_ended());
        is_answered && self.websocket.is_none()
    }

    /// For how long it may linger, if more keeps coming: one that was too slow is no upload.
    fn linger_most(&self, linger: u64) -> u64 {
        let is_slow = self.egress.response.status() == Reject::HeadTimeout.status();
        linger.saturating_mul(if is_slow || self.streams.is_some() { 1 } else { LINGER_TIMES })
    }
}
