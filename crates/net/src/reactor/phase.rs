//! Where a connection stands, and where it may go from there.
//!
//! ```text
//!              whole head          response and body done
//!   Head ─────────────────► Exchange ───────────────────► Head      (keep-alive)
//!    │  └► Admission ─► Head   │  └─ unread body ► Discard ► Head   (small enough)
//!    └── refused, idle ──┐     └── close ──┐
//!                        ▼                 ▼
//!                      Linger ─── peer's end or deadline ───► closed
//! ```
//! A WebSocket goes from Exchange to WebSocket when the application accepts it, and then to Linger.
//! A connection that speaks HTTP/2 goes from Head to Streams, and each of its streams is a
//! connection of its own, from Head to Linger.
//!
//! | Phase | It goes on when | Until (then) |
//! | --- | --- | --- |
//! | Head | a head has come whole | `--head-timeout` (408), before and between requests `--keep-alive` (closed) |
//! | Admission | the application has room | `--queue-timeout` (503) |
//! | Exchange | response and body are done | `--body-timeout` while a body is waited for (408) |
//! | Discard | the rest of the body has come | `--body-timeout` (closed) |
//! | Streams | the client or the server leaves | `--keep-alive` without a stream (GOAWAY) |
//! | WebSocket | both have said close | the answer to a ping or to a close (closed) |
//! | Linger | the client has sent its end | `--linger-timeout` (closed) |
//!
//! Output that waits has `--write-timeout` in every phase; then the connection is reset. A connection
//! that is closed passes through Linger, from wherever it was.

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Between requests, or a head is not whole yet.
    Head,
    /// The head is whole, and waits in line for the application to have room.
    Admission,
    /// The application has the request.
    Exchange,
    /// The response is out; this many more bytes of request body may be thrown away.
    Discard(u64),
    /// Our side is closed after the output; whatever still comes is thrown away, so that the
    /// client can read the answer before a reset would destroy it (RFC 9112 §9.6).
    Linger,
    /// It carries the streams of HTTP/2.
    Streams,
    /// It is a WebSocket.
    WebSocket,
}

impl Phase {
    /// Is there a way from here to there?
    pub(crate) fn may_become(self, next: Self) -> bool {
        use Phase::*;
        match (self, next) {
            (_, Linger) => true,
            // What the server answers itself never reaches an exchange.
            (Head, Head | Discard(_) | Admission | Exchange | Streams) => true,
            (Admission, Head) => true,
            (Exchange, Head | Discard(_) | WebSocket) => true,
            (Discard(_), Discard(_) | Head) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Phase::{self, *};

    const ALL: [Phase; 7] = [Head, Admission, Exchange, Discard(1), Linger, Streams, WebSocket];

    #[test]
    fn what_has_ended_does_not_begin_again() {
        for next in ALL {
            assert_eq!(Linger.may_become(next), next == Linger);
        }
    }

    #[test]
    fn every_phase_can_be_reached_and_left() {
        for phase in ALL {
            assert!(ALL.iter().any(|from| from.may_become(phase)));
            assert!(phase.may_become(Linger));
        }
    }

    #[test]
    fn streams_and_websockets_end_with_their_connection() {
        for (from, next) in [Streams, WebSocket].iter().flat_map(|a| ALL.map(|b| (*a, b))) {
            assert_eq!(from.may_become(next), next == Linger);
        }
    }
}
