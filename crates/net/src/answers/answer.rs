//! What the server answers in the application's place: to a valid request of which that does not
//! hear, and the connection goes on; to one that is refused, or whose response does not come, and the
//! connection ends.

use tricorn_wire::head::Head as Parsed;
use tricorn_wire::reject::Reject;
use tricorn_wire::response::refusal;

use crate::listen::via::Via;
use crate::{Begin, Head, Interface, Net, Step, Token};

/// A whole response with a short text.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) field: (&'a [u8], &'a [u8]),
    pub(crate) text: &'a str,
}

impl<I: Interface> Net<I> {
    /// Answers a request that is refused, and closes once the client can have read it.
    pub(crate) fn answer_reject(&mut self, token: Token, reject: Reject) {
        self.slot.rejected.add();
        self.answer_and_close(token, reject.status(), reject.detail());
    }

    /// Replaces a response that never came by one of ours, and closes. False if bytes of the
    /// response are out already: then the connection can only be cut.
    pub fn answer(&mut self, token: Token, status: u16, detail: &str) -> bool {
        let Some(conn) = self.conns.get_mut(token) else { return true };
        if conn.egress.is_committed() {
            return false;
        }
        self.note_status(status);
        self.answer_and_close(token, status, detail);
        true
    }

    fn answer_and_close(&mut self, token: Token, status: u16, detail: &str) {
        self.refresh_date();
        if let Some(conn) = self.conns.get_mut(token) {
            let stamp = self.settings.stamp(&self.date.text, conn.transport.secured.as_ref());
            let is_head = conn.egress.response.is_to_head();
            let answer = refusal(status, detail, is_head, conn.id_field(), stamp);
            conn.egress.held.clear();
            conn.egress.response.replaced_by(&answer);
            conn.push(&answer.bytes);
            conn.push_held();
            self.end_line(token);
            self.linger(token);
            self.enqueue(token);
        }
    }

    /// No response will come from the application: an error in its place, or a cut if bytes of one
    /// are out. What was kept with the exchange is to be dropped once nothing is borrowed.
    #[must_use]
    pub fn answer_or_cut(
        &mut self,
        token: Token,
        status: u16,
        detail: &str,
    ) -> Option<I::Exchange> {
        let exchange = self.conns.get_mut(token)?.exchange.take();
        if !self.answer(token, status, detail) {
            let none = self.cut(token);
            debug_assert!(none.is_none(), "an exchange was taken out, and is there");
        }
        exchange
    }

    /// What has to be known of a request to answer it here.
    pub(crate) fn begin_own(&mut self, token: Token, parsed: &Parsed) -> Option<Begin> {
        let told = self.via(token, parsed)?.ok();
        let via = told.or_else(|| self.conns.get_mut(token).map(|conn| Via::of(conn, token)))?;
        Some(self.begin_of(parsed, Via { id: None, ..via }, &|_| None))
    }

    /// Answers the request in the application's place.
    pub(crate) fn answer_head(
        &mut self,
        token: Token,
        head: Head,
        begin: Begin,
        answer: &Answer,
    ) -> Step<I> {
        self.take_in(token, head, begin);
        let text = answer.text.as_bytes();
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        // Our own status and fields: always valid.
        let _ = conn.egress.response.open(answer.status, None, &mut conn.egress.held);
        let plain = (b"content-type".as_slice(), b"text/plain; charset=utf-8".as_slice());
        for (name, value) in [plain, answer.field] {
            let _ = conn.egress.response.field(name, value, &mut conn.egress.held);
        }
        self.frame(token, Some(text.len() as u64));
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        if conn.egress.response.piece(text.len()).is_ok_and(|wrap| !wrap.skip) {
            conn.egress.held.extend_from_slice(text);
        }
        let _ = conn.egress.response.finish(&[], &mut conn.egress.held);
        conn.push_held();
        self.sent(token);
        self.conclude(token);
        Step::Again
    }
}
