//! What carries a connection: a socket of its own, or a stream of a connection that speaks HTTP/2.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use tricorn_http2::Stream;
use tricorn_wire::chunked::OwnedField;

use super::bell::Bell;
use super::output::{Flush, Output};
use crate::sys;
use crate::Token;

/// Given to a connection at a time, by all its streams: what waits behind it can be overtaken by
/// what is more urgent.
const ROUND: usize = 64 * 1024;
/// Given by one stream at a time.
const STEP: usize = 16 * 1024;

pub(crate) enum Link {
    Socket(OwnedFd),
    Stream(Box<Carried>),
}

/// One stream, as its connection in the reactor has it.
pub(crate) struct Carried {
    pub(crate) stream: Stream,
    /// The connection that carries it, and its socket.
    pub(crate) parent: Token,
    fd: RawFd,
    load: Arc<Load>,
    /// What all streams had given when it began.
    given_before: u64,
    trailers: Option<Vec<OwnedField>>,
    /// The end of the response is given.
    ended: bool,
    /// Wakes a thread that waits for this client.
    pub(crate) bell: Option<Arc<Bell>>,
    /// Others have given all that there was room for.
    pub(crate) crowded: bool,
    /// Has had its part of a round; for those that share.
    pub(crate) turns: u32,
}

/// What the streams of a connection have given to it.
#[derive(Default)]
pub(crate) struct Load {
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
    pub(crate) fn clear(&self) {
        self.waits.store(0, Ordering::Relaxed);
    }
}

impl Link {
    pub(crate) fn fd(&self) -> RawFd {
        match self {
            Self::Socket(socket) => socket.as_raw_fd(),
            Self::Stream(carried) => carried.fd,
        }
    }

    pub(crate) fn parent(&self) -> Option<Token> {
        match self {
            Self::Socket(_) => None,
            Self::Stream(carried) => Some(carried.parent),
        }
    }

    pub(crate) fn carried(&mut self) -> Option<&mut Carried> {
        match self {
            Self::Socket(_) => None,
            Self::Stream(carried) => Some(carried),
        }
    }

    /// The connection whose other streams have left no room for this one, if it waits for that.
    pub(crate) fn crowded_by(&self) -> Option<Token> {
        match self {
            Self::Stream(carried) if carried.crowded => Some(carried.parent),
            _ => None,
        }
    }

    /// Ends it for whoever has a copy of the socket, too.
    pub(crate) fn shutdown(&self) {
        if let Self::Socket(socket) = self {
            sys::shutdown(socket);
        }
    }

    /// The end that comes is not to look like an orderly one.
    pub(crate) fn break_off(&mut self) {
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
    pub(crate) fn new(stream: Stream, parent: Token, fd: RawFd, load: Arc<Load>) -> Self {
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
    pub(crate) fn is_stuck(&self) -> bool {
        self.load.given.load(Ordering::Relaxed) == self.given_before
    }

    /// Gives the head of the response, if it is still to come, and what is behind it in `bytes`, if
    /// nothing waits before that; the rest has to wait. An error if the client has gone.
    pub(super) fn send<'b>(
        &mut self,
        bytes: &'b [u8],
        is_next: bool,
        done: bool,
    ) -> Result<&'b [u8], ()> {
        let mut rest = bytes;
        if !self.stream.has_responded() {
            let end = done && self.trailers.is_none();
            let length = self.stream.respond(bytes, end).map_err(drop)?;
            rest = &bytes[length..];
            self.ended = end && rest.is_empty();
        }
        if rest.is_empty() || !is_next || self.room(rest.len()) != Some(rest.len()) {
            return Ok(rest);
        }
        self.give(rest.to_vec(), done).then_some([].as_slice()).ok_or(())
    }

    /// Is the response all out, though its client may be sending still?
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Gives what the parent takes of `output`; with `done`, nothing comes behind it.
    pub(super) fn flush<B: AsRef<[u8]>>(&mut self, output: &mut Output<B>, done: bool) -> Flush {
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
    pub(crate) fn end_with(&mut self, trailers: &[OwnedField]) {
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
