//! What is different for a connection that speaks TLS.

use super::conn::{Conn, Phase};
use super::input::Received;
use super::sys::Io;
use super::tls::Opened;
use crate::Interface;

impl<I: Interface> Conn<I> {
    /// Is what comes next the beginning of a TLS handshake, which costs a signature?
    pub(super) fn awaits_hello(&self) -> bool {
        self.readable && self.output.tls.as_ref().is_some_and(|tls| tls.awaits_hello())
    }

    /// The same as `receive` over TLS.
    pub(super) fn receive_sealed(&mut self, scratch: &mut [u8]) -> Received {
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
                Io::Broken => self.broken = true,
            }
        }
        match opened {
            Opened::Bytes(size) => return Received::Bytes(size),
            Opened::Nothing => return Received::Nothing,
            Opened::Plain => {
                self.output.tls = None;
                return Received::Plain;
            }
            Opened::End => self.ended = true,
            Opened::Broken => self.broken = true,
        }
        Received::End
    }

    /// Over TLS, says that the end which comes is the whole: behind everything else, and without
    /// waiting for the socket.
    pub(super) fn say_goodbye(&mut self) {
        if self.output.tls.is_some() && self.output.is_empty() && !self.shut {
            if let Some(tls) = &mut self.output.tls {
                tls.close();
            }
            self.flush();
        }
    }

    /// Sends what may be the end of a response; one after which the connection ends takes its goodbye
    /// along.
    pub(super) fn flush_last_words(&mut self) {
        let is_response = match self.phase() {
            Phase::Exchange => true,
            // It has waited to go out with others.
            Phase::Linger => self.websocket.is_none() && self.streams.is_none(),
            _ => false,
        };
        if is_response && self.response.is_done() && !self.response.keeps_alive() {
            self.output.seal_end();
        }
        self.flush();
    }
}
