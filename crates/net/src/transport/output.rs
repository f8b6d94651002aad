//! What waits to be sent on one connection, in order.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::tls::Session;
use crate::sys::{self, Io};

/// At most this much per sendfile(2), so that one fast reader does not hold the others up.
const FILE_STEP: u64 = 1024 * 1024;
/// Encrypted at a time: what a connection keeps as ciphertext if its socket takes no more.
const SEAL_STEP: usize = 64 * 1024;
/// So many of these before others get a turn.
const SEAL_STEPS: usize = 4;

/// A piece of output that knows how much of it is gone already.
enum Piece<B> {
    Owned(Vec<u8>, usize),
    /// The interface's own bytes, uncopied.
    Shared(B, usize),
    File {
        file: OwnedFd,
        offset: u64,
        left: u64,
    },
}

/// How a flush ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Flush {
    /// All of it is sent.
    Empty,
    /// The socket takes no more for now.
    Later,
    /// The connection is broken, or a file was shorter than promised.
    Broken,
    /// There is more, and the socket would take it: give others a turn first.
    More,
}

pub struct Output<B> {
    pieces: VecDeque<Piece<B>>,
    /// Bytes in memory that wait; files do not count.
    len: usize,
    /// Encrypts what goes out, if the connection speaks TLS.
    pub(crate) tls: Option<Box<Session>>,
}

impl<B> Default for Output<B> {
    fn default() -> Self {
        Self { pieces: VecDeque::new(), len: 0, tls: None }
    }
}

impl<B: AsRef<[u8]>> Output<B> {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tls.as_ref().is_none_or(|tls| !tls.has_unsent())
    }

    /// Bytes in memory that wait to be sent.
    pub fn len(&self) -> usize {
        self.len + self.tls.as_ref().map_or(0, |tls| tls.unsent())
    }

    /// May an application that waits for room go on? Not before files are out, either.
    pub fn is_drained(&self, low_water: usize) -> bool {
        self.len() <= low_water && !matches!(self.pieces.front(), Some(Piece::File { .. }))
    }

    pub fn push_copy(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.len += bytes.len();
        if let Some(Piece::Owned(last, _)) = self.pieces.back_mut() {
            last.extend_from_slice(bytes);
        } else {
            self.pieces.push_back(Piece::Owned(bytes.to_vec(), 0));
        }
    }

    /// `sent` bytes of `bytes` have gone out already.
    pub fn push_shared(&mut self, bytes: B, sent: usize) {
        let len = bytes.as_ref().len();
        if sent < len {
            self.len += len - sent;
            self.pieces.push_back(Piece::Shared(bytes, sent));
        }
    }

    pub fn push_file(&mut self, file: OwnedFd, offset: u64, left: u64) {
        if left > 0 {
            self.pieces.push_back(Piece::File { file, offset, left });
        }
    }

    /// Bytes that wait to be sent, those of files too.
    pub(crate) fn left(&self) -> usize {
        let files = self.pieces.iter().map(|piece| match piece {
            Piece::File { left, .. } => usize::try_from(*left).unwrap_or(usize::MAX),
            Piece::Owned(..) | Piece::Shared(..) => 0,
        });
        files.fold(self.len, usize::saturating_add)
    }

    /// The next bytes, at most so many; None if a file is shorter than promised, or can't be read.
    pub(crate) fn take(&mut self, most: usize) -> Option<Vec<u8>> {
        let bytes = match self.pieces.front()? {
            Piece::Owned(bytes, sent) => &bytes[*sent..],
            Piece::Shared(bytes, sent) => &bytes.as_ref()[*sent..],
            Piece::File { .. } => return self.take_of_file(most),
        };
        let taken = bytes[..most.min(bytes.len())].to_vec();
        self.advance(taken.len());
        Some(taken)
    }

    fn take_of_file(&mut self, most: usize) -> Option<Vec<u8>> {
        let Some(Piece::File { file, offset, left }) = self.pieces.front_mut() else { return None };
        let mut bytes = vec![0; most.min(usize::try_from(*left).unwrap_or(most))];
        let Io::Done(size @ 1..) = sys::read_at(file.as_raw_fd(), &mut bytes, *offset) else {
            return None;
        };
        bytes.truncate(size);
        *offset += size as u64;
        *left -= size as u64;
        if *left == 0 {
            self.pieces.pop_front();
        }
        Some(bytes)
    }

    /// Sends what the socket takes.
    pub fn flush(&mut self, fd: RawFd) -> Flush {
        if self.tls.is_some() {
            return self.flush_sealed(fd);
        }
        loop {
            match self.pieces.front_mut() {
                None => {
                    self.pieces = VecDeque::new();
                    return Flush::Empty;
                }
                Some(Piece::File { file, offset, left }) => {
                    let step = FILE_STEP.min(*left);
                    match sys::sendfile(fd, file.as_raw_fd(), *offset, step as usize) {
                        Io::Done(0) | Io::Broken => return Flush::Broken,
                        Io::Later => return Flush::Later,
                        Io::Done(size) => {
                            *offset += size as u64;
                            *left -= size as u64;
                            if *left > 0 {
                                return Flush::More;
                            }
                            self.pieces.pop_front();
                        }
                    }
                }
                Some(_) => match self.send_bytes(fd) {
                    Io::Done(size) => self.advance(size),
                    Io::Later => return Flush::Later,
                    Io::Broken => return Flush::Broken,
                },
            }
        }
    }

    /// The same over TLS: encrypts a step when the one before is out.
    fn flush_sealed(&mut self, fd: RawFd) -> Flush {
        for _ in 0..SEAL_STEPS {
            match self.tls.as_mut().map(|tls| tls.send(fd)) {
                Some(Io::Later) => return Flush::Later,
                Some(Io::Broken) => return Flush::Broken,
                _ => {}
            }
            match self.pieces.front() {
                None => {
                    self.pieces = VecDeque::new();
                    return Flush::Empty;
                }
                Some(Piece::File { .. }) => {
                    return if self.seal_file() { Flush::More } else { Flush::Broken };
                }
                Some(_) => self.seal_bytes(),
            }
        }
        Flush::More
    }

    fn seal_bytes(&mut self) {
        let (Some(tls), Some(piece)) = (&mut self.tls, self.pieces.front()) else { return };
        let rest = match piece {
            Piece::Owned(bytes, sent) => &bytes[*sent..],
            Piece::Shared(bytes, sent) => &bytes.as_ref()[*sent..],
            Piece::File { .. } => return,
        };
        let step = rest.len().min(SEAL_STEP);
        tls.seal(&rest[..step]);
        self.advance(step);
    }

    /// False if the file is shorter than promised, or can't be read.
    fn seal_file(&mut self) -> bool {
        let Some(bytes) = self.take_of_file(SEAL_STEP) else { return false };
        if let Some(tls) = &mut self.tls {
            tls.seal(&bytes);
        }
        true
    }

    /// Encrypts and queues `bytes` at once if nothing waits and they are few, else keeps a copy.
    pub(crate) fn push_to_seal(&mut self, bytes: &[u8]) {
        let is_empty = self.is_empty();
        match &mut self.tls {
            Some(tls) if is_empty && bytes.len() <= SEAL_STEP => tls.seal(bytes),
            _ => self.push_copy(bytes),
        }
    }

    /// The end of what is said over TLS, if nothing waits to be encrypted before it.
    pub(crate) fn seal_end(&mut self) {
        if let (Some(tls), true) = (&mut self.tls, self.pieces.is_empty()) {
            tls.close();
        }
    }

    fn send_bytes(&self, fd: RawFd) -> Io {
        let slices: Vec<IoSlice> = self
            .pieces
            .iter()
            .map_while(|piece| match piece {
                Piece::Owned(bytes, sent) => Some(IoSlice::new(&bytes[*sent..])),
                Piece::Shared(bytes, sent) => Some(IoSlice::new(&bytes.as_ref()[*sent..])),
                Piece::File { .. } => None,
            })
            .take(16)
            .collect();
        match slices.as_slice() {
            [one] => sys::send(fd, one),
            many => sys::send_slices(fd, many),
        }
    }

    fn advance(&mut self, mut size: usize) {
        self.len -= size;
        while let Some(piece) = self.pieces.front_mut() {
            let (all, sent) = match piece {
                Piece::Owned(bytes, sent) => (bytes.len(), sent),
                Piece::Shared(bytes, sent) => (bytes.as_ref().len(), sent),
                Piece::File { .. } => return,
            };
            let rest = all - *sent;
            if size < rest {
                *sent += size;
                return;
            }
            size -= rest;
            self.pieces.pop_front();
        }
    }
}
