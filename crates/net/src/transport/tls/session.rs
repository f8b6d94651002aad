//! TLS (RFC 8446, RFC 5246) on one connection.
//!
//! A session keeps no plaintext: what a read opens is handed on at once, so nothing waits behind a
//! socket that is empty. Of ciphertext it keeps no more than one step of output.

use std::io::{self, IoSlice, Read, Write};
use std::os::fd::RawFd;
use std::sync::Arc;

use rustls::ServerConnection;

use super::names::take_chosen;
use super::secured::{Kept, Secured, Shown};
use super::Identity;
use crate::sys::{self, Io};

/// Reads in a row that bring no plaintext; a peer that sends more only costs time.
const EMPTY_READS: usize = 8;

/// What a read came to.
pub enum Opened {
    /// So many bytes of plaintext, at the beginning of the buffer.
    Bytes(usize),
    /// The socket is empty, and nothing whole has come.
    Nothing,
    /// The peer has ended its side; with or without saying so, a body that is cut is one.
    End,
    /// The connection or the protocol is broken.
    Broken,
    /// The peer speaks plain HTTP.
    Plain,
}

/// How the peer's side has ended.
#[derive(Clone, Copy)]
enum End {
    Closed,
    Broken,
}

/// One connection's TLS.
pub struct Session {
    tls: ServerConnection,
    identity: Identity,
    /// The certificate that the client was shown.
    shown: Option<Arc<Shown>>,
    /// Bytes given to `seal` that the socket has not taken.
    unsent: usize,
    /// Something has come in.
    greeted: bool,
    /// Our part of the handshake, with the signature, is made.
    answered: bool,
    /// All that waits to go out is tickets, and there is a request that is answered first: they go
    /// with its answer.
    at_leisure: bool,
    /// Met once the plaintext before it is handed out.
    end: Option<End>,
    /// No close_notify any more.
    closing: bool,
    /// Was late at its deadline with something to read.
    late: bool,
}

impl Session {
    pub fn new(identity: &Identity) -> Option<Box<Self>> {
        let mut tls = ServerConnection::new(identity.config()).ok()?;
        tls.set_buffer_limit(None); // bounded by who seals
        Some(Box::new(Self {
            tls,
            identity: identity.clone(),
            shown: None,
            unsent: 0,
            greeted: false,
            answered: false,
            at_leisure: false,
            end: None,
            closing: false,
            late: false,
        }))
    }

    pub fn is_handshaking(&self) -> bool {
        self.greeted && self.tls.is_handshaking()
    }

    /// What ALPN has chosen, once the handshake is over; None if the client did not ask.
    pub fn protocol(&self) -> Option<&[u8]> {
        if self.tls.is_handshaking() {
            None
        } else {
            self.tls.alpn_protocol()
        }
    }

    /// What was agreed, once the handshake is over.
    pub fn secured(&self) -> Option<Arc<Secured>> {
        if self.tls.is_handshaking() {
            return None;
        }
        let chain = self.tls.peer_certificates().unwrap_or_default();
        Some(Arc::new(Secured {
            version: self.tls.protocol_version().map_or(0, u16::from),
            suite: self.tls.negotiated_cipher_suite().map_or(0, |suite| suite.suite().into()),
            server_name: self.tls.server_name().map(str::to_owned),
            shown: self.shown.clone(),
            client_chain: chain.iter().map(|der| der.to_vec()).collect(),
            kept: Kept::default(),
        }))
    }

    /// Is the next read the one that costs a signature?
    pub fn awaits_hello(&self) -> bool {
        !self.answered
    }

    /// Ciphertext that is to go out and that the socket has not taken?
    pub fn has_unsent(&self) -> bool {
        self.tls.wants_write() && !self.at_leisure
    }

    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// At its deadline with something to read: true the first time since it brought plaintext.
    pub fn may_be_late(&mut self) -> bool {
        !std::mem::replace(&mut self.late, true)
    }

    /// recv(2) and decryption; `bool` says if the socket may hold more.
    pub fn receive(&mut self, fd: RawFd, scratch: &mut [u8]) -> (Opened, bool) {
        // A record that was partly here is at most 16 KiB more than what comes in now.
        let (plain, wire) = scratch.split_at_mut(scratch.len() / 4 * 3);
        for _ in 0..EMPTY_READS {
            match self.end {
                None => {}
                Some(End::Closed) => return (Opened::End, true),
                Some(End::Broken) => return (Opened::Broken, false),
            }
            let size = match sys::recv(fd, wire) {
                Io::Done(0) => return (Opened::End, false),
                Io::Done(size) => size,
                Io::Later => return (Opened::Nothing, false),
                Io::Broken => return (Opened::Broken, false),
            };
            let came = &wire[..size];
            if !std::mem::replace(&mut self.greeted, true) && came[0].is_ascii_alphabetic() {
                return (Opened::Plain, false);
            }
            let more = size == wire.len();
            match self.open(came, plain) {
                0 if self.end.is_some() => {}
                0 if more => {}
                0 => return (Opened::Nothing, false),
                len => {
                    self.late = false;
                    return (Opened::Bytes(len), more || self.end.is_some());
                }
            }
        }
        match self.end {
            Some(End::Closed) => (Opened::End, true),
            _ => (Opened::Broken, false),
        }
    }

    /// Puts what `wire` holds in plaintext into `plain`; says how much.
    fn open(&mut self, mut wire: &[u8], plain: &mut [u8]) -> usize {
        let mut len = 0;
        let was_handshaking = self.tls.is_handshaking();
        while !wire.is_empty() && self.end.is_none() {
            if !matches!(self.tls.read_tls(&mut wire), Ok(1..)) {
                self.end = Some(End::Broken);
                break;
            }
            match self.tls.process_new_packets() {
                Ok(state) if state.peer_has_closed() => self.end = Some(End::Closed),
                Ok(_) => {}
                Err(_) => self.end = Some(End::Broken),
            }
            while let Ok(size @ 1..) = self.tls.reader().read(&mut plain[len..]) {
                len += size;
            }
        }
        if !self.answered {
            self.shown = take_chosen().and_then(|at| self.identity.shown(at));
        }
        self.answered |= self.tls.wants_write() || !self.tls.is_handshaking();
        self.at_leisure |= was_handshaking && len > 0 && self.end.is_none();
        len
    }

    /// Encrypts; the caller keeps `bytes` small and calls only if nothing is unsent.
    pub fn seal(&mut self, bytes: &[u8]) {
        // Into memory, without a limit: it can't fail.
        let _ = self.tls.writer().write_all(bytes);
        self.at_leisure = false;
        self.unsent += bytes.len();
    }

    /// Sends ciphertext until there is none or the socket takes no more.
    pub fn send(&mut self, fd: RawFd) -> Io {
        self.at_leisure = false;
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Wire(fd)) {
                Ok(size) => self.unsent = self.unsent.saturating_sub(size),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Io::Later,
                Err(_) => return Io::Broken,
            }
        }
        self.unsent = 0;
        Io::Done(0)
    }

    /// Says close_notify, once; `send` takes it along.
    pub fn close(&mut self) {
        if !std::mem::replace(&mut self.closing, true) && !self.tls.is_handshaking() {
            self.tls.send_close_notify();
            self.at_leisure = false;
        }
    }

    /// The end that comes is not to look like an orderly one.
    pub fn never_close(&mut self) {
        self.closing = true;
    }
}

/// The socket as rustls writes to it.
struct Wire(RawFd);

fn to_result(outcome: Io) -> io::Result<usize> {
    match outcome {
        Io::Done(size) => Ok(size),
        Io::Later => Err(io::ErrorKind::WouldBlock.into()),
        Io::Broken => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        to_result(sys::send(self.0, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [one] => to_result(sys::send(self.0, one)),
            many => to_result(sys::send_slices(self.0, many)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
