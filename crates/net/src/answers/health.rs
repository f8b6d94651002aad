//! The paths that say how the server is, to a load balancer or an orchestrator.
//!
//! They are answered here, so that they say something about the worker even when its application is
//! busy; requests to them are not counted as the application's.

use tricorn_wire::head::{Head as Parsed, Slots};

use crate::answers::answer::Answer;
use crate::reactor::stop::Stop;
use crate::{Head, Interface, Net, Step, Token};

/// Where health is asked for.
#[derive(Clone, Debug)]
pub struct HealthPaths {
    /// What both begin with.
    prefix: Vec<u8>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Does the worker turn?
    Live,
    /// Should new requests be sent here?
    Ready,
    /// Neither GET nor HEAD.
    Wrong,
}

impl HealthPaths {
    /// Paths below `path`, which begins with `/` and does not end with it.
    pub fn new(path: String) -> Self {
        let mut prefix = path.into_bytes();
        prefix.push(b'/');
        Self { prefix }
    }

    /// A quick look: could the request line have one of them?
    fn may_be_in(&self, head: &[u8]) -> bool {
        let head = head.trim_ascii_start(); // an empty line may come first (RFC 9112 §2.2)
        let line = &head[..memchr::memchr(b'\r', head).unwrap_or(head.len())];
        memchr::memmem::find(line, &self.prefix).is_some()
    }

    fn question(&self, parsed: &Parsed) -> Option<Question> {
        let question = match parsed.target.path.strip_prefix(self.prefix.as_slice())? {
            b"live" => Question::Live,
            b"ready" => Question::Ready,
            _ => return None,
        };
        Some(if matches!(parsed.method, "GET" | "HEAD") { question } else { Question::Wrong })
    }
}

impl<I: Interface> Net<I> {
    /// Answers if the request is about health; else it is the application's.
    pub(crate) fn ask_health(&mut self, token: Token, head: Head) -> Step<I> {
        let paths = self.settings.health.as_ref();
        if !paths.is_some_and(|paths| paths.may_be_in(head.bytes())) {
            return Step::Head(head);
        }
        let found = {
            let mut slots = Slots::new();
            let parsed = head.parse(&mut slots, &self.settings.limits).ok();
            // What is refused is refused as ever, by the interface.
            parsed.and_then(|parsed| {
                let question = self.settings.health.as_ref()?.question(&parsed)?;
                Some((question, self.begin_own(token, &parsed)?))
            })
        };
        let Some((question, begin)) = found else { return Step::Head(head) };
        let fresh = (b"cache-control".as_slice(), b"no-store".as_slice());
        let (status, field, text) = match question {
            Question::Ready if !self.is_ready() => (503, fresh, "draining\n"),
            Question::Live | Question::Ready => (200, fresh, "ok\n"),
            Question::Wrong => {
                (405, (b"allow".as_slice(), b"GET, HEAD".as_slice()), "use GET or HEAD\n")
            }
        };
        self.answer_head(token, head, begin, &Answer { status, field, text })
    }

    /// Should new requests be sent here? A worker that retires leaves that to others on the same
    /// addresses, so the server is ready all the same.
    fn is_ready(&self) -> bool {
        self.stop != Stop::Now && !self.slot.server().is_stopping()
    }
}
