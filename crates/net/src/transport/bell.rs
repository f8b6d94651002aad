//! What a thread waits for that has nothing else to do than wait for its own client.
//!
//! A socket that carries one connection is the thread's alone, for as long as it waits. That of a
//! stream is others' too: who runs the reactor may take what has come for the thread, and rings.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::sys::{self, Want};

pub(crate) struct Bell {
    ours: UnixStream,
    theirs: UnixStream,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        Ok(Arc::new(Self { ours, theirs }))
    }

    /// Full is as good as rung.
    pub(crate) fn ring(&self) {
        let _ = (&self.ours).write(&[1]);
    }

    /// What rang before says nothing any more.
    pub(crate) fn calm(&self) {
        let _ = (&self.theirs).read(&mut [0; 64]);
    }
}

/// The socket, what is wanted of it, and who may ring instead.
pub struct Awaited {
    fd: RawFd,
    /// A copy, as the reactor may close the other meanwhile, and the number be another client's.
    /// Not there if there is no descriptor left.
    _socket: Option<OwnedFd>,
    want: Want,
    bell: Option<Arc<Bell>>,
}

impl Awaited {
    pub(crate) fn new(fd: RawFd, want: Want, bell: Option<Arc<Bell>>) -> Self {
        let socket = sys::duplicate(fd).ok();
        let fd = socket.as_ref().map_or(fd, AsRawFd::as_raw_fd);
        Self { fd, _socket: socket, want, bell }
    }

    /// False when `milliseconds` have passed.
    pub fn wait(&self, milliseconds: u64) -> bool {
        match &self.bell {
            None => sys::wait_for(self.fd, self.want, milliseconds),
            Some(bell) => {
                let bell = bell.theirs.as_raw_fd();
                sys::wait_for_either((self.fd, self.want), bell, Some(milliseconds))
            }
        }
    }
}
