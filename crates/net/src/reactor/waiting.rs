//! Threads that wait for their own client, apart from the reactor: a WSGI application in `write()`
//! or in `wsgi.input.read()`.
//!
//! All threads may wait so, and nobody is left who runs the reactor. So whoever begins to wait lets
//! go of all that is held back, and moves what its client waits for itself: its own stream, and the
//! others of its connection, which may have been given the room that it waits for.

use std::sync::Arc;

use crate::reactor::phase::Phase;
use crate::sys::Want;
use crate::transport::bell::{Awaited, Bell};
use crate::transport::output::Flush;
use crate::{Interface, Net, Token};

/// What a thread that waits for room has found.
pub enum Room {
    /// The application may go on.
    Enough,
    /// Nobody is there to read it.
    Gone,
    /// Bytes wait still.
    Later,
}

impl<I: Interface> Net<I> {
    /// Sends what waits, for a thread that has waited for the socket itself.
    pub fn flush_now(&mut self, token: Token) -> Room {
        self.touch();
        let (now, low_water) = (self.now, self.settings.write_buffer / 2);
        let mut before = usize::MAX;
        loop {
            self.look_again(token);
            let Some(conn) = self.conns.get_mut(token) else { return Room::Gone };
            let waited = conn.transport.output.left();
            conn.flush();
            if conn.is_broken() {
                return Room::Gone;
            }
            if conn.transport.output.left() < waited {
                conn.times.since = now;
            }
            let (left, parent) = (conn.transport.output.len(), conn.transport.link.parent());
            let is_enough = conn.transport.output.is_drained(low_water);
            if let Some(parent) = parent {
                self.advance_parent(parent);
            }
            if is_enough {
                return Room::Enough;
            }
            if parent.is_none() || left == before {
                return Room::Later;
            }
            before = left; // what went to the connection has made room there, or not
        }
    }

    /// A thread has waited for its client itself, so there may be no edge: the next read or write
    /// tells.
    pub fn look_again(&mut self, token: Token) {
        let Some(conn) = self.conns.get_mut(token) else { return };
        conn.transport.readable = true;
        conn.transport.writable = true;
        let Some(parent) = conn.transport.link.parent() else { return };
        if let Some(conn) = self.conns.get_mut(parent) {
            conn.transport.readable = true;
            conn.transport.writable = true;
            conn.flush();
        }
        self.aside(|net| {
            // Nothing is lost with what it says: a connection without an exchange has gone, or not.
            drop(net.step_streams(parent));
            net.give_on(parent);
        });
    }

    /// What the streams of a connection have to give goes to it: they are in the queue, but nobody
    /// may come to it.
    fn give_on(&mut self, parent: Token) {
        let Some(all) = self.streams_of(parent) else { return };
        for stream in all.open.clone() {
            let Some(conn) = self.conns.get_mut(stream) else { continue };
            if conn.is_broken() || !conn.transport.writable || conn.transport.is_sent() {
                continue;
            }
            match conn.flush_output() {
                Flush::Later => {
                    conn.transport.writable = false;
                    self.wait_for_room(stream);
                }
                Flush::Broken => conn.transport.break_if(true),
                Flush::Empty if conn.phase() != Phase::Exchange => self.end_line(stream),
                Flush::Empty | Flush::More => {}
            }
        }
    }

    /// What a thread has to wait for that can't go on without its client. Nothing is held back
    /// from here on that only this thread would let go.
    pub fn awaited(&mut self, token: Token, want: Want) -> Option<Awaited> {
        self.aside(Self::release);
        let conn = self.conns.get_mut(token)?;
        let fd = conn.fd();
        let Some(carried) = conn.transport.link.carried() else {
            return Some(Awaited::new(fd, want, None));
        };
        let bell = match &carried.bell {
            Some(bell) => Arc::clone(bell),
            None => Bell::new().ok()?,
        };
        bell.calm();
        carried.bell = Some(Arc::clone(&bell));
        let parent = carried.parent;
        let is_stuck =
            self.conns.get_mut(parent).is_some_and(|conn| !conn.transport.output.is_empty());
        let want = if is_stuck { Want::Write } else { Want::Read };
        Some(Awaited::new(fd, want, Some(bell)))
    }
}
