//! The two byte queues between `h2` and the transport.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of output that `h2` may leave before it has to wait.
const MOST: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct Queues {
    input: Vec<u8>,
    /// How much of `input` is read.
    at: usize,
    /// No more input comes.
    pub(crate) ended: bool,
    pub(crate) output: Vec<u8>,
    /// Everything has been written.
    pub(crate) shut: bool,
}

/// One end for `h2`, one for us: never used by two threads at a time.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Queues>>);

impl Pipe {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    /// Where input goes to, behind what is not read.
    pub(crate) fn input(&mut self) -> &mut Vec<u8> {
        self.input.drain(..std::mem::take(&mut self.at));
        &mut self.input
    }

    pub(crate) fn unread(&self) -> usize {
        self.input.len() - self.at
    }

    fn read(&mut self, buf: &mut ReadBuf) {
        let rest = &self.input[self.at..];
        let size = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..size]);
        self.at += size;
        if self.at == self.input.len() {
            self.input.clear();
            self.at = 0;
            const KEPT: usize = 4096; // an idle connection keeps no large buffer
            self.input.shrink_to(KEPT);
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context, buf: &mut ReadBuf) -> Poll<io::Result<()>> {
        let mut queues = self.lock();
        if queues.unread() == 0 && !queues.ended {
            return Poll::Pending; // polled again when there is more
        }
        queues.read(buf);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut queues = self.lock();
        if queues.output.len() >= MOST {
            return Poll::Pending;
        }
        queues.output.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context,
        slices: &[io::IoSlice],
    ) -> Poll<io::Result<usize>> {
        let mut queues = self.lock();
        if queues.output.len() >= MOST {
            return Poll::Pending;
        }
        for slice in slices {
            queues.output.extend_from_slice(slice);
        }
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        self.lock().shut = true;
        Poll::Ready(Ok(()))
    }
}
