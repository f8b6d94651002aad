//! What carries a connection: a socket of its own, or a stream of a connection that speaks HTTP/2.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use tricorn_http2::{Received as Came, Stream};
use tricorn_wire::chunked::Field;

use super::bell::Bell;
use super::input::Received;
use super::output::{Flush, Output};
use super::{sys, Conn, Interface, Net, Token};

/// Given to a connection at a time, by all its streams: what waits behind it can be overtaken by
/// what is more urgent.
const ROUND: usize = 64 * 1024;
/// Given by one stream at a time.
const STEP: usize = 16 * 1024;

pub(super) enum Link {
    Socket(OwnedFd),
    Stream(Box<Carried>),
}

/// One stream, as its connection in the reactor has it.
pub(super) struct Carried {
    pub(super) stream: Stream,
    /// The connection that carries it, and its socket.
    pub(super) parent: Token,
    fd: RawFd,
    load: Arc<Load>,
    /// What all streams had given when it began.
    given_before: u64,
    trailers: Option<Vec<Field>>,
    /// The end of the response is given.
    ended: bool,
    /// Wakes a thread that waits for this client.
    pub(super) bell: Option<Arc<Bell>>,
    /// Others have given all that there was room for.
    pub(super) crowded: bool,
    /// Has had its part of a round; for those that share.
    pub(super) turns: u32,
}

/// What the streams of a connection have given to it.
#[derive(Default)]
pub(super) struct Load {
    /// Bytes that it has not taken on.
    waits: AtomicUsize,
    /// Bytes since it began.
    given: AtomicU64,
}

impl Load {
    fn add(&self, bytes: usize) {
        self.waits.fetch_add(bytes, Ordering::Relaxed);
        self.given.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// All of it has been taken on.
    pub(super) fn clear(&self) {
        self.waits.store(0, Ordering::Relaxed);
    }
}

impl Link {
    pub(super) fn fd(&self) -> RawFd {
        match self {
            Self::Socket(socket) => socket.as_raw_fd(),
            Self::Stream(carried) => carried.fd,
        }
    }

    pub(super) fn parent(&self) -> Option<Token> {
        match self {
            Self::Socket(_) => None,
            Self::Stream(carried) => Some(carried.parent),
        }
    }

    pub(super) fn carried(&mut self) -> Option<&mut Carried> {
        match self {
            Self::Socket(_) => None,
            Self::Stream(carried) => Some(carried),
        }
    }

    /// Ends it for whoever has a copy of the socket, too.
    pub(super) fn shutdown(&self) {
        if let Self::Socket(socket) = self {
            sys::shutdown(socket);
        }
    }

    /// The end that comes is not to look like an orderly one.
    pub(super) fn break_off(&mut self) {
        match self {
            Self::Socket(socket) => sys::reset_on_close(socket.as_raw_fd()),
            Self::Stream(carried) => {
                if !carried.ended {
                    carried.stream.reset();
                }
            }
        }
    }
}

impl Carried {
    pub(super) fn new(stream: Stream, parent: Token, fd: RawFd, load: Arc<Load>) -> Self {
        Self {
            stream,
            parent,
            fd,
            given_before: load.given.load(Ordering::Relaxed),
            load,
            trailers: None,
            ended: false,
            bell: None,
            crowded: false,
            turns: 0,
        }
    }

    /// Has no stream given anything since this one began?
    fn is_stuck(&self) -> bool {
        self.load.given.load(Ordering::Relaxed) == self.given_before
    }

    /// Gives what the parent takes of `output`; with `done`, nothing comes behind it.
    fn flush<B: AsRef<[u8]>>(&mut self, output: &mut Output<B>, done: bool) -> Flush {
        loop {
            let left = output.left();
            if left == 0 {
                return if self.end(done) { Flush::Empty } else { Flush::Broken };
            }
            let Some(room) = self.room(left) else { return Flush::Broken };
            if room == 0 {
                return Flush::Later;
            }
            let Some(bytes) = output.take(room) else { return Flush::Broken };
            if !self.give(bytes, done && output.left() == 0) {
                return Flush::Broken;
            }
        }
    }

    /// So many of `left` bytes may be given now; None if the client has gone.
    fn room(&mut self, left: usize) -> Option<usize> {
        self.crowded = self.load.waits.load(Ordering::Relaxed) >= ROUND;
        if self.crowded {
            return Some(0);
        }
        self.stream.room(left.min(STEP))
    }

    /// Gives bytes for which there is room; `last` says that no more come. False if the client has gone.
    fn give(&mut self, bytes: Vec<u8>, last: bool) -> bool {
        self.load.add(bytes.len());
        self.ended = last && self.trailers.is_none();
        self.stream.send(bytes, self.ended).is_ok()
    }

    /// The end of the response, if it is not given yet.
    fn end(&mut self, done: bool) -> bool {
        if !done || std::mem::replace(&mut self.ended, true) {
            return true;
        }
        match self.trailers.take() {
            Some(trailers) => self.stream.send_trailers(&trailers).is_ok(),
            None => self.stream.send(Vec::new(), true).is_ok(),
        }
    }

    /// The fields that come behind the body.
    pub(super) fn end_with(&mut self, trailers: &[Field]) {
        self.trailers = (!trailers.is_empty()).then(|| trailers.to_vec());
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }
}

impl<I: Interface> Net<I> {
    /// The client takes nothing of this stream, and its time is up. If it has taken nothing of any other
    /// meanwhile, its window is used up for good: it is told to connect anew, for what comes next.
    pub fn leave_if_stuck(&mut self, token: Token) {
        let carried = self.conns.get_mut(token).and_then(|conn| conn.link.carried());
        if let Some(carried) = carried.filter(|carried| carried.is_stuck()) {
            let parent = carried.parent;
            self.stop_streams(parent);
        }
    }
}

impl<I: Interface> Conn<I> {
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.link, Link::Stream(_))
    }

    /// Is it a stream whose response is all out, and whose client may be sending still? A reset, though
    /// it is no error, makes clients lose the answer that send all before they look for one.
    pub(super) fn is_answered_early(&self) -> bool {
        let is_answered = matches!(&self.link, Link::Stream(carried) if carried.ended);
        is_answered && self.websocket.is_none()
    }

    /// Sends what the socket, or the connection that carries this one, takes of the output.
    pub(super) fn flush_output(&mut self) -> Flush {
        match &mut self.link {
            Link::Socket(socket) => self.output.flush(socket.as_raw_fd()),
            Link::Stream(carried) => carried.flush(&mut self.output, self.response.is_done()),
        }
    }

    /// The head of the response, if it is still to come, and what is behind it in `bytes`.
    pub(super) fn push_stream(&mut self, bytes: &[u8]) {
        let done = self.response.is_done();
        let Link::Stream(carried) = &mut self.link else { return };
        let mut rest = bytes;
        if !carried.stream.has_responded() {
            let end = done && carried.trailers.is_none();
            match carried.stream.respond(bytes, end) {
                Ok(length) => {
                    rest = &bytes[length..];
                    carried.ended = end && rest.is_empty();
                }
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
        let is_next = !rest.is_empty() && self.output.is_empty();
        if is_next && carried.room(rest.len()) == Some(rest.len()) {
            self.broken |= !carried.give(rest.to_vec(), done);
        } else {
            self.output.push_copy(rest);
        }
    }

    /// The same as `receive` for a stream.
    pub(super) fn receive_stream(&mut self, scratch: &mut [u8]) -> Received {
        let Link::Stream(carried) = &mut self.link else { return Received::End };
        match carried.stream.receive(scratch) {
            Came::Bytes(size) => Received::Bytes(size),
            Came::Nothing => {
                self.readable = false;
                Received::Nothing
            }
            Came::End => {
                self.trailers = carried.stream.take_trailers();
                self.readable = false;
                Received::End
            }
            Came::Gone => {
                self.broken = true;
                Received::End
            }
        }
    }
}
