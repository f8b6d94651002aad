//! What carries a connection: bytes in and out over a socket, TLS, or a stream of a connection that
//! speaks HTTP/2.
//!
//! An edge is remembered in `readable` and `writable` until a short read or EAGAIN clears it.
//!
//! * `link` the socket or the stream · `tls/` encryption · `bell` rings for threads that wait
//! * `input` what has come · `output` what waits to go

pub mod bell;
pub mod input;
pub mod link;
pub mod output;
pub mod tls;

use std::io::IoSlice;
use std::os::fd::RawFd;
use std::sync::Arc;

use mio::event::Event;
use tricorn_http2::Received as Came;
use tricorn_wire::chunked::OwnedField;

use self::input::Input;
use self::link::Link;
use self::output::{Flush, Output};
use self::tls::{Opened, Secured};
use crate::sys::{self, Io};

/// What one read came to.
pub enum Received {
    Bytes(usize),
    Nothing,
    End,
    /// The first bytes of a connection that was to speak TLS; it speaks plain HTTP from now on.
    Plain,
}

/// What comes behind bytes that are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// More of the same response.
    More,
    /// Nothing of this response.
    Others,
    /// The end of the connection.
    End,
}

/// What is known of the other side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Sends,
    /// It sends no more, as the poller says: a read will meet its end.
    Ending,
    /// A read has met its end.
    Ended,
    /// The connection is broken: nothing can be sent or received.
    Broken,
}

/// What has become of our side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ours {
    Open,
    /// Nothing more is sent.
    Shut,
    /// It is the side of the process that has forked this one.
    Abandoned,
}

pub struct Transport<B> {
    pub(crate) link: Link,
    /// An edge said so, and no read has come back short since.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) peer: Peer,
    pub(crate) ours: Ours,
    /// The least that the kernel had of ours since the last bytes were sent.
    untaken: usize,
    pub(crate) input: Input,
    pub output: Output<B>,
    /// What was agreed if it speaks TLS.
    pub secured: Option<Arc<Secured>>,
}

impl<B> Transport<B> {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            readable: false,
            writable: false,
            peer: Peer::Sends,
            ours: Ours::Open,
            untaken: usize::MAX,
            input: Input::default(),
            output: Output::default(),
            secured: None,
        }
    }

    /// The socket that carries it, itself or with others.
    pub fn fd(&self) -> RawFd {
        self.link.fd()
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.link, Link::Stream(_))
    }

    pub(crate) fn speaks_tls(&self) -> bool {
        self.output.tls.is_some()
    }

    pub fn is_broken(&self) -> bool {
        self.peer == Peer::Broken
    }

    /// Does the peer send no more? One that still reads can't be told from one that has closed.
    pub fn is_gone(&self) -> bool {
        self.peer != Peer::Sends
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.ours == Ours::Shut
    }

    /// What an edge has told.
    pub(crate) fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable();
        self.writable |= event.is_writable();
        if event.is_read_closed() && self.peer == Peer::Sends {
            self.peer = Peer::Ending;
        }
        self.break_if(event.is_error() || (event.is_write_closed() && !self.is_shut()));
    }

    /// The client has said something about this stream.
    pub(crate) fn stir(&mut self) {
        self.readable = true;
        self.writable = true;
        if let Link::Stream(carried) = &mut self.link {
            if carried.stream.is_gone() {
                self.peer = Peer::Broken;
            }
            carried.bell.iter().for_each(|bell| bell.ring());
        }
    }

    /// The fields behind a body that has ended with its stream.
    pub(crate) fn take_trailers(&mut self) -> Vec<OwnedField> {
        self.link.carried().map(|carried| carried.stream.take_trailers()).unwrap_or_default()
    }

    pub(crate) fn break_if(&mut self, broken: bool) {
        if broken {
            self.peer = Peer::Broken;
        }
    }

    /// Has the peer taken bytes since this was asked before, and since any were sent? Output goes on only when a good part of
    /// the socket's buffer is free again, which takes a slow reader long.
    pub(crate) fn was_read(&mut self) -> bool {
        let untaken = sys::untaken(self.fd());
        let before = self.untaken;
        self.untaken = untaken.min(before);
        before != usize::MAX && untaken < before
    }

    /// Is what comes next the beginning of a TLS handshake, which costs a signature?
    pub(crate) fn awaits_hello(&self) -> bool {
        self.readable && self.output.tls.as_ref().is_some_and(|tls| tls.awaits_hello())
    }

    /// One recv(2), if there is anything to expect from it.
    pub(crate) fn receive(&mut self, scratch: &mut [u8]) -> Received {
        match self.peer {
            Peer::Ended | Peer::Broken => return Received::End,
            Peer::Sends if !self.readable => return Received::Nothing,
            Peer::Sends | Peer::Ending => {}
        }
        if self.is_stream() {
            self.receive_stream(scratch)
        } else if self.speaks_tls() {
            self.receive_sealed(scratch)
        } else {
            self.receive_plain(scratch)
        }
    }

    fn receive_plain(&mut self, scratch: &mut [u8]) -> Received {
        match sys::recv(self.fd(), scratch) {
            Io::Done(0) => self.met(Peer::Ended),
            Io::Done(size) => {
                // A short read has emptied the socket: the next bytes come with a new edge.
                self.readable = size == scratch.len();
                Received::Bytes(size)
            }
            Io::Later => {
                self.readable = false;
                Received::Nothing
            }
            Io::Broken => self.met(Peer::Broken),
        }
    }

    fn receive_stream(&mut self, scratch: &mut [u8]) -> Received {
        let Link::Stream(carried) = &mut self.link else { return Received::End };
        match carried.stream.receive(scratch) {
            Came::Bytes(size) => Received::Bytes(size),
            Came::Nothing => {
                self.readable = false;
                Received::Nothing
            }
            Came::End => {
                self.readable = false;
                Received::End
            }
            Came::Gone => self.met(Peer::Broken),
        }
    }

    fn receive_sealed(&mut self, scratch: &mut [u8]) -> Received {
        let fd = self.fd();
        let Some(tls) = &mut self.output.tls else { return Received::End };
        let (opened, more) = tls.receive(fd, scratch);
        self.readable = more;
        if self.secured.is_none() {
            self.secured = tls.secured();
        }
        if tls.has_unsent() && self.writable {
            // What the handshake has to say, or an alert: the rest waits for an edge like any output.
            match tls.send(fd) {
                Io::Done(_) => {}
                Io::Later => self.writable = false,
                Io::Broken => self.peer = Peer::Broken,
            }
        }
        match opened {
            Opened::Bytes(size) => Received::Bytes(size),
            Opened::Nothing => Received::Nothing,
            Opened::Plain => {
                self.output.tls = None;
                Received::Plain
            }
            Opened::End => self.met(Peer::Ended),
            Opened::Broken => self.met(Peer::Broken),
        }
    }

    /// A read has found the end, in one way or the other.
    fn met(&mut self, end: Peer) -> Received {
        if !self.is_broken() {
            self.peer = end;
        }
        Received::End
    }
}

impl<B: AsRef<[u8]>> Transport<B> {
    /// Has everything that was to be sent gone to the kernel?
    pub(crate) fn is_sent(&self) -> bool {
        self.output.is_empty()
    }

    /// Sends what the socket, or the connection that carries this one, takes of the output.
    pub(crate) fn flush(&mut self, behind: Behind) -> Flush {
        let before = self.output.left();
        let flushed = match &mut self.link {
            Link::Socket(_) => self.output.flush(self.link.fd()),
            Link::Stream(carried) => carried.flush(&mut self.output, behind != Behind::More),
        };
        if self.output.left() != before {
            self.untaken = usize::MAX;
        }
        flushed
    }

    /// The same, for now: what is left waits for an edge.
    pub(crate) fn try_flush(&mut self, behind: Behind) {
        if self.writable && !self.is_broken() {
            match self.flush(behind) {
                Flush::Empty | Flush::More => {}
                Flush::Later => self.writable = false,
                Flush::Broken => self.peer = Peer::Broken,
            }
        }
    }

    /// Sends what the socket takes of `bytes` and queues the rest.
    pub(crate) fn send(&mut self, bytes: &[u8], behind: Behind) {
        if self.is_stream() {
            self.send_to_stream(bytes, behind);
        } else if self.speaks_tls() {
            self.output.push_to_seal(bytes);
            if behind == Behind::End {
                self.output.seal_end(); // it takes the goodbye along
            }
            self.try_flush(behind);
        } else if let Some(sent) = self.send_now(&[IoSlice::new(bytes)]) {
            self.output.push_copy(&bytes[sent..]);
        }
    }

    /// The same for `head` and a large body behind it, which is not copied: `keep` makes it last.
    pub(crate) fn send_large(&mut self, head: &[u8], body: &[u8], keep: impl FnOnce() -> B) {
        if self.is_stream() {
            if !head.is_empty() {
                self.send_to_stream(head, Behind::More);
            }
            self.output.push_shared(keep(), 0);
        } else if self.speaks_tls() {
            self.output.push_to_seal(head);
            self.output.push_shared(keep(), 0);
            self.try_flush(Behind::More);
        } else if let Some(sent) = self.send_now(&[IoSlice::new(head), IoSlice::new(body)]) {
            let of_head = sent.min(head.len());
            self.output.push_copy(&head[of_head..]);
            if sent - of_head < body.len() {
                self.output.push_shared(keep(), sent - of_head);
            }
        }
    }

    /// How many bytes the socket has taken, if nothing waits before them; None if it is broken.
    fn send_now(&mut self, slices: &[IoSlice]) -> Option<usize> {
        if !self.output.is_empty() || !self.writable {
            return Some(0);
        }
        let sent = match slices {
            [one] => sys::send(self.fd(), one),
            many => sys::send_slices(self.fd(), many),
        };
        match sent {
            Io::Done(size) => Some(size),
            Io::Later => Some(0),
            Io::Broken => {
                self.peer = Peer::Broken;
                None
            }
        }
    }

    /// The head of the response, if it is still to come, and what is behind it in `bytes`.
    fn send_to_stream(&mut self, bytes: &[u8], behind: Behind) {
        let Link::Stream(carried) = &mut self.link else { return };
        match carried.send(bytes, self.output.is_empty(), behind != Behind::More) {
            Ok(rest) => self.output.push_copy(rest),
            Err(()) => self.peer = Peer::Broken,
        }
    }

    /// Over TLS, says that the end which comes is the whole: behind everything else, and without
    /// waiting for the socket.
    pub(crate) fn say_goodbye(&mut self) {
        if self.output.is_empty() && self.ours == Ours::Open {
            if let Some(tls) = &mut self.output.tls {
                tls.close();
                self.try_flush(Behind::End);
            }
        }
    }

    /// Nothing more is sent: the peer sees the end of it.
    pub(crate) fn shut(&mut self) {
        if !self.is_stream() {
            sys::shutdown_write(self.fd());
        }
        self.ours = Ours::Shut;
    }
}

impl<B> Drop for Transport<B> {
    fn drop(&mut self) {
        let is_over = self.ours == Ours::Shut && self.peer == Peer::Ended; // both sides have said so
        if self.ours != Ours::Abandoned && !is_over {
            self.link.shutdown();
        }
    }
}
