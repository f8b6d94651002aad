//! Accepting connections, and leaving them to other workers.
//!
//! * `balance` which worker accepts · `preface` what proxies say first · `via` who asks, through proxies too

pub(crate) mod balance;
pub(crate) mod preface;
pub mod via;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Interest, Registry};

use crate::listen::balance::{Balance, RETRY_MS};
use crate::listen::preface::Preface;
use crate::listen::via::Origin;
use crate::reactor::conn::Conn;
use crate::reactor::phase::Phase;
use crate::reactor::timer::NEVER;
use crate::reactor::LISTENERS;
use crate::sys::{self, Accepted, Want};
use crate::transport::link::Link;
use crate::transport::tls::{Session, Source};
use crate::{Interface, Net, Token};

/// Accepted in one go, so that a flood of connections does not starve those that are served.
const BURST: usize = 32;
/// How long to leave a listener alone when descriptors have run out, in milliseconds.
const PAUSE_MS: u64 = 100;

/// Where connections come from.
#[derive(Default)]
pub(crate) struct Listeners {
    pub(crate) all: Vec<Listener>,
    pub(crate) balance: Balance,
    /// Accepting has failed and has not worked since.
    pub(crate) paused: bool,
}

pub(crate) struct Listener {
    socket: OwnedFd,
    /// Only this worker accepts there: who is left waiting waits for nobody else.
    is_own: bool,
    /// What its connections speak TLS with.
    identities: Option<Arc<Source>>,
    /// It only sends its clients to this port, over HTTPS.
    pub(crate) redirects_to: Option<u16>,
    /// Its connections are the server's own.
    private: bool,
    /// Connections may wait in its queue that no edge will announce.
    waiting: bool,
}

impl Listener {
    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(crate) fn deregister(&self, registry: &Registry) {
        // It fails only for what is not registered, and that is what is wanted.
        let _ = registry.deregister(&mut SourceFd(&self.socket.as_raw_fd()));
    }
}

impl<I: Interface> Net<I> {
    /// Accepts on a copy of `fd`, a non-blocking listening socket; of its own if other workers have
    /// others. If `private`, its connections are the server's own: they are plain, none has to say
    /// whose it is, and they have the scheme of the others.
    pub fn listen(
        &mut self,
        fd: RawFd,
        is_tcp: bool,
        is_own: bool,
        private: bool,
    ) -> io::Result<()> {
        let socket = sys::duplicate(fd)?;
        let token = mio::Token(LISTENERS + self.listeners.all.len());
        let source = socket.as_raw_fd();
        if is_tcp {
            sys::set_nodelay(source); // which what is accepted inherits
        }
        self.registry.register(&mut SourceFd(&source), token, Interest::READABLE)?;
        if let Some(probe) = &self.probe {
            probe.add_listener(source);
        }
        let identities = self.settings.identities.clone().filter(|_| !private);
        self.listeners.all.push(Listener {
            socket,
            is_own,
            identities,
            redirects_to: None,
            private,
            waiting: false,
        });
        self.timer.want(self.rotate_tickets());
        self.publish();
        Ok(())
    }

    /// The same for plain HTTP that is answered with the way to `port`, and by no application. To be
    /// called after all `listen`.
    pub fn listen_to_redirect(&mut self, fd: RawFd, is_own: bool, port: u16) -> io::Result<()> {
        self.listen(fd, true, is_own, false)?;
        self.settings.looks_at_heads = true;
        if let Some(listener) = self.listeners.all.last_mut() {
            listener.identities = None;
            listener.redirects_to = Some(port);
        }
        Ok(())
    }

    pub(crate) fn accept(&mut self, index: usize) {
        for _ in 0..BURST {
            let full = self.sockets() >= self.settings.connections;
            let Some(listener) = self.listeners.all.get_mut(index) else { return };
            listener.waiting = true;
            if full {
                return;
            }
            if !listener.is_own && self.listeners.balance.yields(&self.slot, self.now) {
                return self.leave_to_others(index);
            }
            let Some(listener) = self.listeners.all.get_mut(index) else { return };
            match sys::accept(listener.socket.as_raw_fd()) {
                Ok(Some(accepted)) => drop(self.add(accepted, index as u32)),
                Ok(None) => {
                    self.listeners.paused = false;
                    self.publish();
                    return self.nobody_waits(index);
                }
                Err(error) => return self.pause(&error),
            }
        }
        self.wake();
    }

    /// Another worker is to take who waits, and is looked after: only a few milliseconds later is
    /// it certain that it has.
    fn leave_to_others(&mut self, index: usize) {
        let Some(listener) = self.listeners.all.get(index) else { return };
        if sys::wait_for(listener.socket.as_raw_fd(), Want::Read, 0) {
            self.timer.want_retry(RETRY_MS);
        } else {
            self.nobody_waits(index);
        }
    }

    fn nobody_waits(&mut self, index: usize) {
        if let Some(listener) = self.listeners.all.get_mut(index) {
            listener.waiting = false;
        }
        if !self.listeners.all.iter().any(|listener| listener.waiting) {
            self.listeners.balance.settle();
        }
    }

    /// Fewer requests or connections than before: who was left to others may be for this worker.
    pub(crate) fn load_fell(&mut self) {
        if self.listeners.balance.is_waiting() {
            self.resume_listeners();
        }
    }

    /// Tells the other workers about connections, and whether this worker takes more.
    fn publish(&self) {
        let open = self.sockets();
        let takes = !self.listeners.all.is_empty()
            && !self.listeners.paused
            && open < self.settings.connections;
        self.slot.connections.set(open as u64);
        self.slot.accepting.set(u64::from(takes));
    }

    /// Other processes may keep the sockets open, so closing ours would not end their events.
    pub(crate) fn close_listeners(&mut self) {
        self.measure_no_more();
        for listener in std::mem::take(&mut self.listeners.all) {
            listener.deregister(&self.registry);
        }
        self.publish();
    }

    /// Work that waits for a worker that leaves is not for a new one.
    fn measure_no_more(&mut self) {
        self.probe = None;
        self.slot.runnable_since.set(0);
    }

    /// Leaves the listeners alone for a while: descriptors or memory have run out. Said once, until
    /// accepting works again.
    fn pause(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.listeners.paused, true) {
            let open = self.sockets();
            self.complaint = Some(format!(
                "cannot accept more connections than the {open} that are open: {error}; they wait \
                 until others end (see ulimit -n and --worker-connections)"
            ));
        }
        self.publish();
        self.timer.want(self.now + PAUSE_MS);
    }

    /// Lets in everybody who waits now, on each listener, or only on those of its own.
    pub(crate) fn accept_waiting(&mut self, only_own: bool) {
        for index in 0..self.listeners.all.len() {
            let Listener { socket, is_own, .. } = &self.listeners.all[index];
            if only_own && !is_own {
                continue;
            }
            let listener = socket.as_raw_fd();
            while let Ok(Some(accepted)) = sys::accept(listener) {
                if let Some(token) = self.add(accepted, index as u32) {
                    // Its request may be there already: only a read tells.
                    if let Some(conn) = self.conns.get_mut(token) {
                        conn.transport.readable = true;
                    }
                }
            }
        }
    }

    fn add(&mut self, accepted: Accepted, listener: u32) -> Option<Token> {
        self.slot.accepted.add();
        let origin = Origin { peer: accepted.peer, listener, ..Origin::default() };
        let mut conn = Conn::new(Link::Socket(accepted.fd), origin, self.now);
        conn.transport.writable = true;
        let address = accepted.peer.map(|peer| peer.ip());
        conn.origin.standing.trusted = self.settings.proxy.trust.has_peer(address);
        let from = self.listeners.all.get(listener as usize);
        let private = from.is_some_and(|one| one.private);
        let redirects = from.is_some_and(|one| one.redirects_to.is_some());
        conn.origin.standing.speaks_http1 = private || redirects;
        conn.origin.standing.secure = private && self.settings.identities.is_some();
        let protocol = self.settings.proxy.protocol.as_ref().filter(|_| !private);
        match protocol.map(|(versions, senders)| (*versions, senders.has_peer(address))) {
            None => {}
            Some((versions, true)) => conn.origin.preface = Some(Preface::new(versions)),
            Some((_, false)) => {
                self.complain_once(accepted.peer, "--proxy-allow-from does not name it");
                return None;
            }
        }
        if let Some(identities) =
            self.listeners.all.get(listener as usize).and_then(|l| l.identities.as_ref())
        {
            conn.transport.output.tls = Session::new(&identities.identity(self.now));
            conn.transport.output.tls.as_ref()?;
            conn.origin.standing.secure = true;
        }
        let fd = conn.fd();
        let token = self.conns.insert(conn);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let packed = mio::Token(token.pack());
        if self.registry.register(&mut SourceFd(&fd), packed, interest).is_err() {
            self.conns.remove(token);
            return None;
        }
        self.publish();
        self.renew(token);
        Some(token)
    }

    /// Accepts what was left waiting; says when to try again.
    pub(crate) fn resume_listeners(&mut self) -> u64 {
        for index in 0..self.listeners.all.len() {
            if self.listeners.all[index].waiting {
                self.accept(index);
            }
        }
        NEVER
    }

    /// Takes the connection out; its exchange, if one was running, comes back: to drop it may run
    /// Python, so that has to wait until nothing is borrowed.
    #[must_use]
    pub fn close(&mut self, token: Token) -> Option<I::Exchange> {
        self.desert_streams(token);
        self.end_line(token);
        self.note_orphan(token);
        let mut conn = self.conns.remove(token)?;
        let quiet = if conn.phase() == Phase::Linger { conn.times.since } else { self.now };
        if conn.phase() != Phase::Exchange {
            conn.transport.say_goodbye(); // else what was sent is not the whole
        }
        if conn.phase() == Phase::Admission {
            self.leave_line(token);
        }
        conn.enter(Phase::Linger, &self.slot);
        self.room_made();
        self.publish();
        if let Some(parent) = conn.transport.link.parent() {
            let exchange = conn.exchange.take();
            drop(conn); // the stream ends, which its connection has to say
            self.forget_stream(parent, token, quiet);
            self.load_fell();
            return exchange;
        }
        // Before the descriptor closes: a copy in a forked child would stay registered for ever.
        let _ = self.registry.deregister(&mut SourceFd(&conn.fd()));
        if self.sockets() + 1 == self.settings.connections {
            self.resume_listeners();
        } else {
            self.load_fell();
        }
        conn.exchange.take()
    }
}
