//! What goes out: response heads, bodies, files, and the end of an exchange.

use std::os::fd::OwnedFd;

use tricorn_wire::body::Body;
use tricorn_wire::chunked::OwnedField;
use tricorn_wire::response::{interim, Fault};

use crate::reactor::conn::Conn;
use crate::reactor::phase::Phase;
use crate::settings::Settings;
use crate::transport::output::Flush;
use crate::transport::Behind;
use crate::{Interface, Net, Token};

/// Bodies up to this size are copied behind the head: cheaper than a second slice.
pub(crate) const SMALL: usize = 16 * 1024;

/// Small pieces are gathered up to this size while the application keeps sending.
pub(crate) const CORK: usize = 32 * 1024;

/// How a send left the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The socket took it, or there is room to wait in.
    Fine,
    /// More waits than should: the application has to wait.
    Full,
    /// The connection is broken.
    Broken,
}

/// How an exchange left the connection.
pub struct Finished<I: Interface> {
    pub exchange: Option<I::Exchange>,
    /// It has work at once: the reactor should run.
    pub runnable: bool,
}

impl<I: Interface> Net<I> {
    /// Sends a piece of body, behind the head if that is still held back. `keep` makes the bytes
    /// last if the socket does not take them all. The response must have been opened.
    pub fn send_body(
        &mut self,
        token: Token,
        bytes: &[u8],
        more: bool,
        keep: impl FnOnce() -> I::Bytes,
    ) -> Result<Sent, Fault> {
        let whole = (!more).then_some(bytes.len() as u64);
        self.frame(token, whole);
        let Some(conn) = self.conns.get_mut(token) else { return Ok(Sent::Broken) };
        let wrap = conn.egress.response.piece(bytes.len())?;
        conn.egress.held.extend_from_slice(wrap.prefix());
        let small = wrap.skip || bytes.len() <= SMALL;
        if !wrap.skip && small {
            conn.egress.held.extend_from_slice(bytes);
            conn.egress.held.extend_from_slice(wrap.suffix());
        }
        if self.gathered.corks && small && more && conn.egress.held.len() <= CORK {
            self.cork(token);
            return Ok(Sent::Fine);
        }
        if small {
            let ended =
                if more { Ok(()) } else { conn.egress.response.finish(&[], &mut conn.egress.held) };
            if ended.is_ok() && conn.egress.response.is_whole() && self.hold(token) {
                return Ok(Sent::Fine);
            }
            let Some(conn) = self.conns.get_mut(token) else { return Ok(Sent::Broken) };
            conn.push_held();
            return ended.map(|()| self.sent_piece(token, more));
        }
        conn.push_large(bytes, keep);
        conn.egress.held.extend_from_slice(wrap.suffix());
        let ended =
            if more { Ok(()) } else { conn.egress.response.finish(&[], &mut conn.egress.held) };
        conn.push_held();
        ended.map(|()| self.sent_piece(token, more))
    }

    /// The piece waits until the application lets go, and goes out with those that follow.
    pub(crate) fn cork(&mut self, token: Token) {
        if let Some(conn) = self.conns.get_mut(token) {
            if conn.egress.cork() {
                self.gathered.corked.push(token);
            }
        }
    }

    /// Does output wait for `uncork`?
    pub fn is_corked(&self) -> bool {
        !self.gathered.corked.is_empty()
    }

    /// The application has let go: sends what was gathered.
    pub fn uncork(&mut self) {
        while let Some(token) = self.gathered.corked.pop() {
            let Some(conn) = self.conns.get_mut(token) else { continue };
            if conn.egress.uncork() && !conn.egress.held.is_empty() {
                conn.push_held();
                if conn.websocket.is_some() {
                    conn.egress.held = Vec::new(); // it may idle for long
                }
                self.sent(token);
            }
        }
    }

    /// Sends `left` bytes of `file` as a piece of body.
    pub fn send_file(
        &mut self,
        token: Token,
        file: OwnedFd,
        offset: u64,
        left: u64,
        more: bool,
    ) -> Result<Sent, Fault> {
        self.frame(token, (!more).then_some(left));
        let Some(conn) = self.conns.get_mut(token) else { return Ok(Sent::Broken) };
        let wrap = conn.egress.response.piece(left as usize)?;
        conn.egress.held.extend_from_slice(wrap.prefix());
        conn.push_held();
        if !wrap.skip {
            conn.transport.output.push_file(file, offset, left);
        }
        conn.egress.held.extend_from_slice(wrap.suffix());
        let ended =
            if more { Ok(()) } else { conn.egress.response.finish(&[], &mut conn.egress.held) };
        conn.push_held();
        self.enqueue(token);
        ended.map(|()| self.sent(token))
    }

    /// Ends a body whose trailers come after it.
    pub fn send_trailers(&mut self, token: Token, trailers: &[OwnedField]) -> Result<Sent, Fault> {
        let Some(conn) = self.conns.get_mut(token) else { return Ok(Sent::Broken) };
        let ended = conn.egress.response.finish(trailers, &mut conn.egress.held);
        if let Some(carried) = conn.transport.link.carried() {
            carried.end_with(trailers);
        }
        conn.push_held();
        ended.map(|()| self.sent(token))
    }

    /// Sends a 1xx response with its fields ahead of the real one.
    pub fn send_interim(
        &mut self,
        token: Token,
        status: u16,
        fields: &[OwnedField],
    ) -> Result<Sent, Fault> {
        let mut bytes = Vec::new();
        interim(status, fields, &mut bytes)?;
        if let Some(conn) = self.conns.get_mut(token) {
            match conn.transport.link.carried() {
                // What HTTP/2 can't say of it is nothing that the client needs.
                Some(carried) => drop(carried.stream.interim(status, fields)),
                None => conn.push(&bytes),
            }
        }
        Ok(self.sent(token))
    }

    /// The client asked for a go-ahead and the application wants the body now.
    pub(crate) fn send_continue(&mut self, token: Token) {
        let waits = self.conns.get_mut(token).is_some_and(|conn| {
            std::mem::take(&mut conn.ingress.expects_continue) && !conn.egress.is_committed()
        });
        if waits {
            // A status of ours without fields is always valid.
            let _ = self.send_interim(token, 100, &[]);
        }
    }

    pub(crate) fn frame(&mut self, token: Token, whole: Option<u64>) {
        let opened = self.conns.get_mut(token).is_some_and(|conn| {
            if conn.must_close(&self.settings) {
                conn.egress.response.close_after();
            }
            conn.egress.response.is_opened()
        });
        if opened {
            self.refresh_date();
            if let Some(conn) = self.conns.get_mut(token) {
                let stamp = self.settings.stamp(&self.date.text, conn.transport.secured.as_ref());
                conn.show_id();
                conn.egress.response.frame(whole, stamp, &mut conn.egress.held);
                if let (Some(access), Some(draft)) = (&self.access, &mut conn.request.draft) {
                    access.note_fields(draft, &conn.egress.held);
                }
            }
        }
    }

    pub(crate) fn sent(&mut self, token: Token) -> Sent {
        let sent = self.settle_output(token);
        self.stir(token);
        sent
    }

    /// The same for a piece of body. If none may be gathered, one that others follow goes out before
    /// they are made: what the application does until then may take for ever.
    fn sent_piece(&mut self, token: Token, more: bool) -> Sent {
        let parent = self.conns.get_mut(token).and_then(|conn| conn.transport.link.parent());
        match parent {
            Some(parent) if more && !self.gathered.corks => {
                let sent = self.settle_output(token);
                self.advance_parent(parent);
                sent
            }
            _ => self.sent(token),
        }
    }

    /// What becomes of output that waits.
    pub(crate) fn settle_output(&mut self, token: Token) -> Sent {
        let most = self.settings.write_buffer;
        let Some(conn) = self.conns.get_mut(token) else { return Sent::Broken };
        if conn.is_broken() {
            self.enqueue(token);
            return Sent::Broken;
        }
        if conn.transport.output.is_empty() {
            return Sent::Fine;
        }
        // What a short write left over: only EAGAIN promises that an edge will come.
        let flushed = if conn.transport.writable { conn.flush_output() } else { Flush::Later };
        match flushed {
            Flush::Empty => return Sent::Fine,
            Flush::Later => {
                conn.transport.writable = false;
                self.wait_for_room(token);
            }
            Flush::More => {}
            Flush::Broken => conn.transport.break_if(true),
        }
        if matches!(flushed, Flush::More | Flush::Broken) {
            self.enqueue(token);
        }
        if flushed == Flush::Broken {
            return Sent::Broken;
        }
        let Some(conn) = self.conns.get_mut(token) else { return Sent::Broken };
        let full = !conn.transport.output.is_drained(most);
        self.touch();
        let now = self.now;
        if let Some(conn) = self.conns.get_mut(token) {
            conn.times.since = now;
        }
        self.renew(token);
        if full {
            Sent::Full
        } else {
            Sent::Fine
        }
    }

    /// Has the client taken anything of the output that waits, within `--write-timeout`? If bytes are
    /// under way to it in the kernel, those that it takes count too.
    pub fn takes(&mut self, token: Token) -> bool {
        self.touch();
        let (now, write) = (self.now, self.settings.timeouts.write);
        let shared = self.conns.get_mut(token).and_then(|conn| conn.transport.link.crowded_by());
        let shared =
            shared.and_then(|parent| self.conns.get_mut(parent)).map(|conn| conn.times.since);
        let Some(conn) = self.conns.get_mut(token) else { return false };
        conn.times.looked = now;
        if conn.transport.was_read() || shared.is_some_and(|since| since > conn.times.since) {
            conn.times.since = now;
        }
        conn.times.since.saturating_add(write) > now
    }

    pub(crate) fn linger(&mut self, token: Token) {
        let now = self.now;
        self.note_orphan(token);
        if let Some(conn) = self.conns.get_mut(token) {
            conn.enter(Phase::Linger, &self.slot);
            conn.times.since = now;
            conn.wants_body = false;
            conn.wants_drain = false;
        }
        self.room_made();
        self.renew(token);
    }

    /// The response is complete: on to the next request, or to the end of the connection.
    pub fn finish(&mut self, token: Token) -> Finished<I> {
        let Some(conn) = self.conns.get_mut(token) else {
            return Finished { exchange: None, runnable: false };
        };
        let exchange = conn.exchange.take();
        let status = conn.egress.response.status();
        self.note_status(status);
        let runnable = self.conclude(token);
        self.load_fell();
        Finished { exchange, runnable }
    }

    /// The same for whoever gave it; true if the connection has work at once.
    pub(crate) fn conclude(&mut self, token: Token) -> bool {
        let now = self.now;
        let Some(conn) = self.conns.get_mut(token) else { return false };
        conn.request.called = false; // what it does after its response is its own affair
        conn.wants_body = false;
        conn.wants_drain = false;
        conn.times.since = now;
        if conn.is_sent() {
            self.end_line(token); // else when the output is out
        }
        self.go_on(token)
    }

    /// Where the connection goes with its response complete; true if it has work at once.
    fn go_on(&mut self, token: Token) -> bool {
        let discard = self.settings.discard;
        let Some(conn) = self.conns.get_mut(token) else { return false };
        if !conn.egress.is_batched() {
            conn.egress.trim();
        }
        if !conn.egress.response.keeps_alive()
            || conn.is_broken()
            || conn.must_close(&self.settings)
        {
            // A stop does not wait for clients that keep their end open, unless something unread
            // would turn the close into a reset.
            let unread = !conn.ingress.body.is_done()
                || !conn.transport.input.is_empty()
                || conn.transport.readable;
            conn.brief = self.stop.is_begun() && !unread;
            self.linger(token);
            self.enqueue(token);
            return true;
        }
        let next = if conn.ingress.body.is_done() { Phase::Head } else { Phase::Discard(discard) };
        conn.enter(next, &self.slot);
        let runnable = conn.is_runnable() || conn.is_gone() || self.stop.is_begun();
        if runnable {
            self.enqueue(token);
        }
        self.room_made();
        self.renew(token);
        runnable
    }

    /// Counts a response by its status.
    pub(crate) fn note_status(&self, status: u16) {
        if status >= 500 {
            self.slot.errors.add();
        }
    }

    /// The peer has gone before the application was asked: closes in the connection's next step.
    pub fn close_later(&mut self, token: Token) {
        if let Some(conn) = self.conns.get_mut(token) {
            conn.transport.break_if(true);
            self.enqueue(token);
        }
    }

    /// Cuts the connection off in the middle of a response, so that the client can't take what it
    /// has for the whole. As for what comes back, see `close`.
    #[must_use]
    pub fn cut(&mut self, token: Token) -> Option<I::Exchange> {
        if let Some(conn) = self.conns.get_mut(token) {
            conn.transport.link.break_off();
            if let Some(tls) = &mut conn.transport.output.tls {
                tls.never_close();
            }
        }
        self.close(token)
    }
}

impl<I: Interface> Conn<I> {
    /// Is too much of the body unread for the connection to go on?
    fn must_close(&self, settings: &Settings) -> bool {
        match &self.ingress.body {
            Body::Done => false,
            _ if self.ingress.expects_continue => true, // without the go-ahead it may send, or not
            Body::Length(left) => *left > settings.discard,
            // How much is to come nobody knows, unless it is here.
            Body::Chunked(_) => {
                !self.ingress.body.ends_in(self.transport.input.pending(), &settings.limits)
            }
            Body::UntilEnd(_) => false,
        }
    }

    /// What comes behind the bytes that are sent now?
    fn behind(&self) -> Behind {
        if !self.egress.response.is_done() {
            return Behind::More;
        }
        let is_response = match self.phase() {
            Phase::Exchange => true,
            // It has waited to go out with others.
            Phase::Linger => self.websocket.is_none() && self.streams.is_none(),
            _ => false,
        };
        if is_response && !self.egress.response.keeps_alive() {
            Behind::End
        } else {
            Behind::Others
        }
    }

    pub(crate) fn push_held(&mut self) {
        self.egress.uncork();
        if !self.egress.held.is_empty() {
            let held = std::mem::take(&mut self.egress.held);
            self.push(&held);
            self.egress.held = held;
            self.egress.held.clear();
        }
        if self.is_stream() {
            self.flush(); // with its end, if that is here
        }
    }

    /// Sends what is taken of the output, for now.
    pub(crate) fn flush(&mut self) {
        let behind = self.behind();
        self.transport.try_flush(behind);
    }

    /// The same; says how far it came.
    pub(crate) fn flush_output(&mut self) -> Flush {
        let behind = self.behind();
        self.transport.flush(behind)
    }

    /// Sends what is taken of `bytes` and queues the rest.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.egress.commit();
        let behind = self.behind();
        self.transport.send(bytes, behind);
    }

    /// The same for the held bytes and a large body behind them, which is not copied.
    pub(crate) fn push_large(&mut self, bytes: &[u8], keep: impl FnOnce() -> I::Bytes) {
        self.egress.commit();
        self.transport.send_large(&self.egress.held, bytes, keep);
        self.egress.held.clear();
    }
}
