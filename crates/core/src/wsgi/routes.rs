//! How long calls of a route block, so that the next one can be given a thread of its own.
//!
//! A small direct-mapped table of moving averages; a collision only costs a wrong guess.

use std::sync::atomic::{AtomicU64, Ordering};

const PLACES: usize = 256;
/// A call that blocks for longer than this, in microseconds, gets its own thread: far above a
/// hand-over (some 10 us), far below what a client notices.
const SLOW_US: u64 = 300;

/// A place in the table, from method and path.
#[derive(Clone, Copy, Default)]
pub struct Route(u8);

impl Route {
    pub fn new(method: &[u8], path: &[u8]) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in method.iter().chain(path) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self((hash ^ hash >> 32) as u8)
    }
}

pub struct Routes([AtomicU64; PLACES]);

impl Routes {
    pub fn new() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }

    /// Is the next call likely to block?
    pub fn is_slow(&self, route: Route) -> bool {
        self.0[route.0 as usize].load(Ordering::Relaxed) > SLOW_US
    }

    /// A call of this route took that many microseconds without computing.
    pub fn note(&self, route: Route, blocked_us: u64) {
        let place = &self.0[route.0 as usize];
        let average = place.load(Ordering::Relaxed);
        if average == 0 && blocked_us <= SLOW_US {
            return; // most routes never block: nothing to write, no cache line to own
        }
        // A quarter of the new value: one slow call in a hundred does not make a route slow, and a
        // route that has become quick is believed after a few calls.
        place.store((average * 3 + blocked_us.min(1_000_000)) / 4, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_becomes_slow_and_quick_again() {
        let (routes, route) = (Routes::new(), Route::new(b"GET", b"/"));
        assert!(!routes.is_slow(route));
        for _ in 0..3 {
            routes.note(route, 20_000);
        }
        assert!(routes.is_slow(route));
        for _ in 0..20 {
            routes.note(route, 10);
        }
        assert!(!routes.is_slow(route));
    }
}
