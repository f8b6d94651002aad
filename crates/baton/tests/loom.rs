//! All interleavings of hand-over, take-over, return and stop (`make model`).
#![cfg(loom)]

use std::sync::atomic::AtomicUsize as Count;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::Arc;
use loom::thread;
use tricorn_baton::Baton;

struct Shared {
    baton: Baton,
    holders: AtomicUsize,
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { baton: Baton::new(), holders: AtomicUsize::new(0) })
}

impl Shared {
    /// What only the holder may do.
    fn hold(&self) {
        assert_eq!(self.holders.fetch_add(1, Ordering::SeqCst), 0, "two threads hold the baton");
        self.holders.fetch_sub(1, Ordering::SeqCst);
    }

    /// One turn of a runner; calls `then` if it still holds the baton after its call.
    fn turn(&self) {
        if !self.baton.wait_for() {
            return;
        }
        self.hold();
        let ticket = self.baton.enter();
        if self.baton.leave(ticket) {
            self.hold();
            self.baton.release();
        }
    }
}

#[test]
fn a_return_and_a_take_over_never_both_win() {
    // Counted over all interleavings: a model in which nothing is ever taken would prove nothing.
    static TAKEN: Count = Count::new(0);
    static KEPT: Count = Count::new(0);
    loom::model(|| {
        let shared = shared();
        assert!(shared.baton.wait_for());
        let standby = {
            let shared = shared.clone();
            thread::spawn(move || shared.turn())
        };
        let ticket = shared.baton.enter();
        let monitor = {
            let shared = shared.clone();
            thread::spawn(move || {
                if shared.baton.steal(ticket) {
                    TAKEN.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        if shared.baton.leave(ticket) {
            KEPT.fetch_add(1, Ordering::Relaxed);
            shared.hold();
            shared.baton.release();
        }
        monitor.join().expect("monitor");
        standby.join().expect("standby");
    });
    assert!(TAKEN.load(Ordering::Relaxed) > 0, "no interleaving takes the baton");
    assert!(KEPT.load(Ordering::Relaxed) > 0, "no interleaving keeps the baton");
}

#[test]
fn a_passed_baton_arrives() {
    loom::model(|| {
        let shared = shared();
        assert!(shared.baton.wait_for());
        let standby = {
            let shared = shared.clone();
            thread::spawn(move || shared.turn())
        };
        if !shared.baton.pass() {
            shared.hold();
            shared.baton.release();
        }
        standby.join().expect("standby");
    });
}

#[test]
fn stop_sends_everybody_away() {
    loom::model(|| {
        let shared = shared();
        assert!(shared.baton.wait_for());
        let standby = {
            let shared = shared.clone();
            thread::spawn(move || assert!(!shared.baton.wait_for()))
        };
        shared.baton.stop();
        assert!(!shared.baton.pass());
        standby.join().expect("standby");
    });
}
