//! What the server answers to a valid request by itself: the application does not hear of it, and
//! the connection goes on by the usual rules.

use tricorn_wire::head::Head as Parsed;

use super::via::Via;
use super::{Begin, Head, Net, Step, Token};

/// A whole response with a short text.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) field: (&'a [u8], &'a [u8]),
    pub(super) text: &'a str,
}

impl<X> Net<X> {
    /// What has to be known of a request to answer it here.
    pub(super) fn begin_own(&mut self, token: Token, parsed: &Parsed) -> Option<Begin> {
        let told = self.via(token, parsed)?.ok();
        let via = told.or_else(|| self.conns.get_mut(token).map(|conn| Via::of(conn, token)))?;
        Some(self.begin_of(parsed, Via { id: None, ..via }, &|_| None))
    }

    /// Answers the request in the application's place.
    pub(super) fn answer_head(
        &mut self,
        token: Token,
        head: Head,
        begin: Begin,
        answer: &Answer,
    ) -> Step<X> {
        self.take_in(token, head, begin);
        let text = answer.text.as_bytes();
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        // Our own status and fields: always valid.
        let _ = conn.response.open(answer.status, None, &mut conn.held);
        let plain = (b"content-type".as_slice(), b"text/plain; charset=utf-8".as_slice());
        for (name, value) in [plain, answer.field] {
            let _ = conn.response.field(name, value, &mut conn.held);
        }
        self.frame(token, Some(text.len() as u64));
        let Some(conn) = self.conns.get_mut(token) else { return Step::Idle };
        if conn.response.piece(text.len()).is_ok_and(|wrap| !wrap.skip) {
            conn.held.extend_from_slice(text);
        }
        let _ = conn.response.finish(&[], &mut conn.held);
        conn.push_held();
        self.sent(token);
        self.conclude(token);
        Step::Again
    }
}
