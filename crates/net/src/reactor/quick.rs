//! Which calls of the application are known to be quick.
//!
//! A complete response may wait for those of others (see `batch`), but not for a call that takes
//! long, or never returns. So whatever waits goes out before the application is called, unless the
//! last calls of that route were quick. A small table of counts; a collision only costs a guess.

use std::time::{Duration, Instant};

use crate::{Interface, Net, Token};

const PLACES: usize = 1024;
/// A call within this time is quick: with the one before, it is still within `batch::LONGEST`.
const QUICK: Duration = Duration::from_micros(500);
/// So many quick calls in a row are believed.
const BELIEVED: u8 = 4;

/// A place in the table, from method and path. Parts of a path with a digit in them count as one:
/// most likely they name things of one kind.
#[derive(Clone, Copy, Default)]
pub struct Kind(u16);

impl Kind {
    pub fn new(method: &[u8], path: &[u8]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut mix = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        method.iter().for_each(|byte| mix(*byte));
        for part in path.split(|byte| *byte == b'/') {
            mix(b'/');
            if !part.iter().any(u8::is_ascii_digit) {
                part.iter().for_each(|byte| mix(*byte));
            }
        }
        Self(((hash ^ hash >> 32) % PLACES as u64) as u16)
    }
}

/// Quick calls in a row, of each kind.
pub(crate) struct Quick([u8; PLACES]);

impl Default for Quick {
    fn default() -> Self {
        Self([0; PLACES])
    }
}

impl Quick {
    fn is_known(&self, kind: Kind) -> bool {
        self.0[kind.0 as usize] >= BELIEVED
    }

    fn note(&mut self, kind: Kind, took: Duration) {
        let count = &mut self.0[kind.0 as usize];
        *count = if took <= QUICK { count.saturating_add(1) } else { 0 };
    }
}

/// A call of the application that is measured, for `called`.
pub struct Clock(Kind, Instant);

impl<I: Interface> Net<I> {
    /// The application is about to be called, or woken, for this connection: sends what waits,
    /// unless that call is known to be quick. Nothing is measured where nobody else could wait.
    pub fn before_call(&mut self, token: Token) -> Option<Clock> {
        let waits = self.has_waiting();
        if !waits && !self.has_work() {
            return None;
        }
        let kind = self.conns.get_mut(token).map(|conn| conn.request.kind);
        if waits && !kind.is_some_and(|kind| self.gathered.quick.is_known(kind)) {
            self.release();
        }
        kind.map(|kind| Clock(kind, Instant::now()))
    }

    /// The application has let go.
    pub fn after_call(&mut self, clock: Option<Clock>) {
        if let Some(Clock(kind, since)) = clock {
            self.gathered.quick.note(kind, since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_things_are_of_one_kind() {
        let kind = |path: &str| Kind::new(b"GET", path.as_bytes()).0;
        assert_eq!(kind("/users/1"), kind("/users/23"));
        assert_ne!(kind("/users/1"), kind("/users"));
        assert_ne!(kind("/users/me"), kind("/users/you"));
    }

    #[test]
    fn a_slow_call_is_remembered_until_others_were_quick() {
        let (mut quick, kind) = (Quick::default(), Kind::new(b"GET", b"/"));
        assert!(!quick.is_known(kind));
        (0..BELIEVED).for_each(|_| quick.note(kind, QUICK));
        assert!(quick.is_known(kind));
        quick.note(kind, QUICK * 2);
        assert!(!quick.is_known(kind));
    }
}
