//! Which requests the application gets now, which wait in line, and which are turned away.
//!
//! Whoever waits keeps its whole head in its connection's buffer and is read no further. When
//! there is room, `next_runnable` gives the first in line, and its head is found once more. Those who have
//! left without a word to read (a reset) are passed over; a client that has sent its end may still
//! read, as everywhere.
//!
//! With WSGI, the reactor stands still while its thread is in a call. So it first reads what has
//! come, also between two calls, lest some wait unseen while others are called in.

use std::collections::VecDeque;

use tricorn_wire::head::Slots;

use crate::answers::answer::Answer;
use crate::reactor::phase::Phase;
use crate::settings::Admission;
use crate::{sys, Head, Interface, Net, Step, Token};

/// Batches of events in a row that are taken before somebody is called in.
const BATCHES: u32 = 8;

#[derive(Default)]
pub(crate) struct Line {
    /// Who waits, and since when in milliseconds of the reactor.
    waiting: VecDeque<(Token, u64)>,
    /// Who is called in.
    turn: Option<Token>,
    /// Calls that go on though their client has left, by connection and number of the request.
    orphans: Vec<(Token, u32)>,
    /// A wake-up that nobody has noticed yet is on its way.
    woken: bool,
    /// More events may be there; so often in a row they were.
    batches: u32,
}

impl Line {
    fn remove(&mut self, token: Token) {
        if let Some(at) = self.waiting.iter().position(|&(other, _)| other == token) {
            self.waiting.remove(at);
        }
    }

    /// Events were taken; all there were, unless `full`.
    pub(crate) fn note_taken(&mut self, full: bool) {
        self.woken = false;
        self.batches = if full && self.batches < BATCHES { self.batches + 1 } else { 0 };
    }
}

impl<I: Interface> Net<I> {
    /// What becomes of a whole head.
    pub(crate) fn admit(&mut self, token: Token, head: Head) -> Step<I> {
        let head = match self.redirect(token, head) {
            Step::Head(head) => head,
            answered => return answered,
        };
        match self.ask_health(token, head) {
            Step::Head(head) => self.line_up(token, head),
            answered => answered,
        }
    }

    fn line_up(&mut self, token: Token, head: Head) -> Step<I> {
        let Some(admission) = self.settings.admission else { return Step::Head(head) };
        if self.line.turn.take() == Some(token) {
            return Step::Head(head);
        }
        let alone = !self.reads_first || self.turns.queue.is_empty();
        if alone && self.line.waiting.is_empty() && self.room(admission) > 0 {
            return Step::Head(head);
        }
        if self.line.waiting.len() >= admission.queued.saturating_add(self.room(admission)) {
            return self.shed(token, head);
        }
        self.put_back(token, head);
        self.touch();
        self.line.waiting.push_back((token, self.now));
        if let Some(conn) = self.conns.get_mut(token) {
            conn.enter(Phase::Admission, &self.slot);
            conn.times.since = self.now;
        }
        self.publish_line();
        Step::Idle
    }

    /// How many more requests the application may have.
    fn room(&self, admission: Admission) -> usize {
        let busy = self.slot.in_flight.get() + self.line.orphans.len() as u64;
        admission.in_flight.saturating_sub(busy) as usize
    }

    /// Can somebody be called in?
    pub(crate) fn can_call_in(&self) -> bool {
        let admission = self.settings.admission;
        !self.line.waiting.is_empty() && admission.is_some_and(|admission| self.room(admission) > 0)
    }

    /// The first in line, if there is room and nothing has to be read before.
    pub(crate) fn call_in(&mut self) -> Option<Token> {
        let first = self.line.waiting.front();
        let &(token, since) = first.filter(|_| self.can_call_in())?;
        if self.reads_first {
            let unread = !self.turns.queue.is_empty() || self.line.batches > 0;
            if unread || self.is_stale() {
                return None;
            }
        }
        self.touch();
        let late = self.now.saturating_sub(since) >= self.settings.timeouts.queue;
        let conn = self.conns.get_mut(token)?;
        if late {
            conn.times.expired = true; // its step turns it away
            return Some(token);
        }
        conn.enter(Phase::Head, &self.slot);
        conn.times.since = self.now;
        conn.times.expired = false;
        conn.transport.break_if(sys::is_reset(conn.fd()));
        self.line.waiting.pop_front();
        self.line.turn = Some(token);
        self.publish_line();
        Some(token)
    }

    /// It has waited for too long.
    pub(crate) fn give_up_waiting(&mut self, token: Token) -> Step<I> {
        self.leave_line(token);
        let limits = self.settings.limits;
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        conn.enter(Phase::Head, &self.slot);
        match conn.pending_head(&limits) {
            Ok(Some(head)) => self.shed(token, head),
            _ => Step::Idle, // it was whole
        }
    }

    /// Turns a request away that is too much.
    fn shed(&mut self, token: Token, head: Head) -> Step<I> {
        let begin = {
            let mut slots = Slots::new();
            let parsed = head.parse(&mut slots, &self.settings.limits);
            parsed.ok().and_then(|parsed| self.begin_own(token, &parsed))
        };
        // What is refused is refused as ever, by the interface.
        let Some(begin) = begin else { return Step::Head(head) };
        self.slot.shed.add();
        // By then all that wait now are served or turned away.
        let seconds = self.settings.timeouts.queue.div_ceil(1000).to_string();
        let answer = Answer {
            status: 503,
            field: (b"retry-after", seconds.as_bytes()),
            text: "the server is busy, try again later\n",
        };
        self.answer_head(token, head, begin, &answer)
    }

    /// It waits no more.
    pub(crate) fn leave_line(&mut self, token: Token) {
        self.line.remove(token);
        self.publish_line();
    }

    fn publish_line(&self) {
        let first = self.line.waiting.front();
        let since = first.map_or(0, |&(_, since)| self.timer.to_monotonic(since));
        self.slot.queued_since.set(since);
    }

    /// The application has one request less: somebody may be called in.
    pub(crate) fn room_made(&mut self) {
        if self.can_call_in() && !std::mem::replace(&mut self.line.woken, true) {
            self.wake();
        }
    }

    /// The application is called for the request that `token` has now.
    pub fn call_begins(&mut self, token: Token) {
        if self.settings.admission.is_none() {
            return;
        }
        if let Some(conn) = self.conns.get_mut(token) {
            conn.request.called = true;
        }
    }

    /// The call has returned.
    pub fn call_ends(&mut self, token: Token, seq: u32) {
        if self.settings.admission.is_none() {
            return;
        }
        if let Some(conn) = self.exchange(token, seq) {
            conn.request.called = false;
        } else if let Some(at) = self.line.orphans.iter().position(|&one| one == (token, seq)) {
            self.line.orphans.swap_remove(at);
            self.room_made();
        }
    }

    /// The exchange of `token` ends without its call, which goes on.
    pub(crate) fn note_orphan(&mut self, token: Token) {
        if self.settings.admission.is_none() {
            return;
        }
        if let Some(conn) = self.conns.get_mut(token) {
            if conn.phase() == Phase::Exchange && std::mem::take(&mut conn.request.called) {
                self.line.orphans.push((token, conn.seq));
            }
        }
    }
}
