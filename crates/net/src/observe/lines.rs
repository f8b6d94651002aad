//! Access lines on their way out: whole lines, and nobody waits for whoever reads them.
//!
//! A pipe takes so many bytes at once as one; what is longer goes in between the lines of other
//! workers. If it takes nothing, lines are kept up to a limit, later ones counted, and that is said once
//! it moves again. So it is with a full disk, where half a line stays alone and is written anew: whoever
//! writes next ends it, which may be another worker, or one that comes after it.
//!
//! To be non-blocking is not a property of a descriptor but of what has been opened, which a pipe or
//! terminal of ours shares with other processes. So it is opened once more, or asked before each write.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt};
use std::time::{Duration, Instant};

use crate::sys::{self, Io, Want};

/// Lines gathered before they go out in the middle of a round.
const GATHER: usize = 32 * 1024;
/// What a pipe takes as one (pipe(7), PIPE_BUF on Linux).
const ATOMIC: usize = 4096;
/// Bytes that wait at the most.
const MOST: usize = 1024 * 1024;
/// How often those who wait try again without a new line, in milliseconds.
pub const RETRY_MS: u64 = 100;
/// How long the last lines may take.
const LAST: Duration = Duration::from_millis(500);
/// Time between two messages about lines that were lost.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sink {
    File,
    /// Or a terminal, or another device.
    Pipe,
    /// The same, where it can't be opened anew.
    SharedPipe,
    Socket,
}

pub struct Lines {
    file: OwnedFd,
    kind: Sink,
    /// Lines that wait, and the one that is being made.
    pub text: Vec<u8>,
    /// It takes nothing now.
    stuck: bool,
    /// A full disk has taken half a line of ours.
    is_cut: bool,
    /// A file may end in half a line of somebody, in which the next must not run on.
    is_unsure: bool,
    lost: u64,
    said: Option<Instant>,
}

impl Lines {
    pub fn new(file: OwnedFd) -> Self {
        let (file, kind) = prepare(file);
        Self {
            file,
            kind,
            text: Vec::new(),
            stuck: false,
            is_cut: false,
            is_unsure: kind == Sink::File,
            lost: 0,
            said: None,
        }
    }

    /// Goes on for one whose file was rotated away, with what could not be written there.
    pub fn inherit(&mut self, mut before: Self) {
        before.flush();
        self.text = std::mem::take(&mut before.text);
        self.lost = before.lost;
        self.said = before.said;
    }

    /// Bytes of the longest line; None if there is no limit.
    pub fn longest(&self) -> Option<usize> {
        (self.kind != Sink::File).then_some(ATOMIC)
    }

    /// The line that begins there is complete.
    pub fn end(&mut self, begin: usize) {
        self.stuck = false;
        if self.text.len() > MOST {
            self.text.truncate(begin);
            self.lost += 1;
        }
        if self.text.len() > GATHER {
            self.flush();
        }
    }

    /// Is there anything to write that has not been refused just now?
    pub fn can_go_on(&self) -> bool {
        !self.text.is_empty() && !self.stuck
    }

    /// Do lines wait for the reader?
    pub fn waits(&self) -> bool {
        self.stuck
    }

    /// Writes as much as goes out at once.
    pub fn flush(&mut self) {
        self.stuck = self.is_unsure && !self.text.is_empty() && !self.end_half_a_line();
        let mut at = 0;
        while at < self.text.len() && !self.stuck {
            let rest = &self.text[at..];
            let part = &rest[..self.part(rest)];
            let size = match self.write(part) {
                Io::Done(size) => size,
                Io::Later | Io::Broken => 0,
            };
            self.stuck = size < part.len();
            at += size;
            if self.stuck && self.kind == Sink::File {
                let whole = memchr::memrchr(b'\n', &self.text[..at]).map_or(0, |end| end + 1);
                self.is_cut = whole < at;
                self.is_unsure = true;
                at = whole;
            }
        }
        self.text.drain(..at);
        if self.text.is_empty() {
            self.text.shrink_to(GATHER);
        }
    }

    /// Has the file end in a whole line; false if it takes nothing.
    fn end_half_a_line(&mut self) -> bool {
        let is_half = is_half_written(self.file.as_fd()).unwrap_or(self.is_cut);
        self.is_unsure = is_half && !matches!(self.write(b"\n"), Io::Done(1));
        !self.is_unsure
    }

    /// How much of it to write at once: lines that fit together, or one.
    fn part(&self, rest: &[u8]) -> usize {
        if self.kind == Sink::File || rest.len() <= ATOMIC {
            return rest.len();
        }
        let fits = memchr::memrchr(b'\n', &rest[..ATOMIC]);
        fits.or_else(|| memchr::memchr(b'\n', rest)).map_or(rest.len(), |end| end + 1)
    }

    fn write(&self, part: &[u8]) -> Io {
        let fd = self.file.as_raw_fd();
        match self.kind {
            Sink::Socket => sys::send_now(fd, part),
            Sink::SharedPipe if !sys::wait_for(fd, Want::Write, 0) => Io::Later,
            _ => sys::write(fd, part),
        }
    }

    /// What to tell the operator: how many lines were lost, once others go out again.
    pub fn complaint(&mut self) -> Option<String> {
        let is_soon = self.said.is_some_and(|said| said.elapsed() < QUIET);
        if self.stuck && self.text.len() > MOST / 2 || is_soon {
            return None;
        }
        self.tell()
    }

    /// Writes the last lines, for half a second at the most; what to tell the operator of the lost.
    pub fn finish(&mut self) -> Option<String> {
        self.flush_patiently();
        self.lost += memchr::memchr_iter(b'\n', &self.text).count() as u64;
        self.text.clear();
        self.tell()
    }

    fn flush_patiently(&mut self) {
        let end = Instant::now() + LAST;
        self.flush();
        while self.stuck && self.kind != Sink::File {
            let left = end.saturating_duration_since(Instant::now()).as_millis() as u64;
            if left == 0 || !sys::wait_for(self.file.as_raw_fd(), Want::Write, left) {
                return;
            }
            let before = self.text.len();
            self.flush();
            if self.text.len() == before {
                return; // its reader has gone, or somebody else was faster
            }
        }
    }

    fn tell(&mut self) -> Option<String> {
        if self.lost == 0 {
            return None;
        }
        self.said = Some(Instant::now());
        let lost = std::mem::take(&mut self.lost);
        let (lines, were) = if lost == 1 { ("line", "was") } else { ("lines", "were") };
        Some(format!(
            "{lost} {lines} of the access log {were} lost: what --access-log names takes lines more \
             slowly than requests come, or has taken none for a while"
        ))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush_patiently();
    }
}

fn prepare(file: OwnedFd) -> (OwnedFd, Sink) {
    let file = File::from(file);
    let Ok(kind) = file.metadata().map(|found| found.file_type()) else {
        return (file.into(), Sink::File);
    };
    if kind.is_socket() {
        (file.into(), Sink::Socket)
    } else if kind.is_fifo() || kind.is_char_device() {
        match open_anew(file.as_fd()) {
            Ok(own) => (own.into(), Sink::Pipe),
            Err(_) => (file.into(), Sink::SharedPipe),
        }
    } else {
        (file.into(), Sink::File)
    }
}

fn open_anew(fd: BorrowedFd) -> std::io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().write(true).custom_flags(flags).open(path_of(fd))
}

/// Does the file end in half a line? An error if it may not be read.
fn is_half_written(fd: BorrowedFd) -> std::io::Result<bool> {
    let file = File::open(path_of(fd))?;
    let mut last = *b"\n";
    if let Some(end) = file.metadata()?.len().checked_sub(1) {
        file.read_at(&mut last, end)?;
    }
    Ok(last != *b"\n")
}

fn path_of(fd: BorrowedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}
