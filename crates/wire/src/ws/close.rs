//! Close frames: codes and reasons (RFC 6455 §5.5.1, §7.4).

use super::frame::MOST_CONTROL;
use super::Violation;

pub const NORMAL: u16 = 1000;
pub const GOING_AWAY: u16 = 1001;
pub const PROTOCOL_ERROR: u16 = 1002;
/// Never sent: the peer's close frame had no code.
pub const NO_CODE: u16 = 1005;
/// Never sent: the connection was lost without a close frame.
pub const LOST: u16 = 1006;
pub const INVALID_DATA: u16 = 1007;
pub const TOO_BIG: u16 = 1009;
pub const SERVER_ERROR: u16 = 1011;
/// The server restarts: a client should come again at once.
pub const RESTART: u16 = 1012;

/// What a close frame said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: String,
}

/// May a close frame carry this code? Those that are registered but 1004, 1005, 1006 and 1015,
/// and those for libraries and applications.
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Reads the body of a close frame; None if it is empty.
pub fn read(body: &[u8]) -> Result<Option<Close>, Violation> {
    let [high, low, reason @ ..] = body else {
        return if body.is_empty() {
            Ok(None)
        } else {
            Err(Violation::Protocol("half a close code"))
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !may_be_sent(code) {
        return Err(Violation::Protocol("invalid close code"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Some(Close { code, reason: reason.to_owned() })),
        Err(_) => Err(Violation::Data("close reason is not UTF-8")),
    }
}

/// The body of a close frame: the reason is cut, at the end of a character, to what fits.
pub fn body(code: u16, reason: &str) -> Vec<u8> {
    let mut body = code.to_be_bytes().to_vec();
    let mut most = (MOST_CONTROL - body.len()).min(reason.len());
    while !reason.is_char_boundary(most) {
        most -= 1;
    }
    body.extend_from_slice(&reason.as_bytes()[..most]);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        for code in [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1012, 1014, 3000, 3999, 4000, 4999] {
            assert!(may_be_sent(code), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert!(!may_be_sent(code), "{code}");
        }
    }

    #[test]
    fn what_a_close_frame_says() {
        assert_eq!(read(b""), Ok(None));
        assert_eq!(read(b"\x03"), Err(Violation::Protocol("half a close code")));
        let close = Close { code: 1001, reason: "bye".into() };
        assert_eq!(read(b"\x03\xe9bye"), Ok(Some(close)));
        assert_eq!(read(b"\x03\xe9\xff").map_err(Violation::code), Err(INVALID_DATA));
        assert_eq!(read(b"\x03\xed").map_err(Violation::code), Err(PROTOCOL_ERROR));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let body = body(1000, &"é".repeat(100));
        assert_eq!(body.len(), 124);
        assert!(read(&body).is_ok_and(|close| close.is_some_and(|c| c.reason.len() == 122)));
    }
}
