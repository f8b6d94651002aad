//! A response on its way out.

use tricorn_wire::response::{Asked, Response};

/// A connection that idles keeps no larger buffer.
const KEPT: usize = 16 * 1024;

/// How far the response is, as far as its client can know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing of it is out: it can be replaced by an error.
    Open,
    /// All of it so far waits in `held` until the application lets go.
    CorkedWhole,
    /// Pieces of body wait so, behind what is out.
    Corked,
    /// Complete in `held`, it waits to go out with others; or what the streams of this connection have
    /// to say does.
    Batched,
    /// Bytes of it are out or on their way.
    Committed,
}

pub struct Egress {
    pub response: Response,
    /// The head until the first body message decides its framing, and what is behind it.
    pub held: Vec<u8>,
    progress: Progress,
}

impl Egress {
    pub(crate) fn new() -> Self {
        Self {
            response: Response::new(Asked::default()),
            held: Vec::new(),
            progress: Progress::Open,
        }
    }

    /// For the next request; the buffer stays.
    pub(crate) fn begin(&mut self, asked: Asked) {
        self.response = Response::new(asked);
        self.held.clear();
        self.progress = Progress::Open;
    }

    /// Is it too late for an error in its place?
    pub fn is_committed(&self) -> bool {
        !matches!(self.progress, Progress::Open | Progress::CorkedWhole)
    }

    /// Bytes of it go out.
    pub(crate) fn commit(&mut self) {
        if !self.is_committed() {
            self.progress = Progress::Committed;
        }
    }

    /// Pieces wait from now on; false if some did already.
    pub(crate) fn cork(&mut self) -> bool {
        let (corked, is_new) = match self.progress {
            Progress::Open => (Progress::CorkedWhole, true),
            corked @ (Progress::CorkedWhole | Progress::Corked) => (corked, false),
            Progress::Batched | Progress::Committed => (Progress::Corked, true),
        };
        self.progress = corked;
        is_new
    }

    /// They wait no more; false if none did.
    pub(crate) fn uncork(&mut self) -> bool {
        let did = matches!(self.progress, Progress::CorkedWhole | Progress::Corked);
        if did {
            self.progress = Progress::Committed;
        }
        did
    }

    pub(crate) fn is_batched(&self) -> bool {
        self.progress == Progress::Batched
    }

    pub(crate) fn batch(&mut self) {
        self.progress = Progress::Batched;
    }

    pub(crate) fn unbatch(&mut self) {
        self.progress = Progress::Committed;
    }

    /// Lets go of a buffer that is large.
    pub(crate) fn trim(&mut self) {
        if self.held.capacity() > KEPT {
            self.held = Vec::new();
        }
    }
}
