//! Which streams can go on: `h2` wakes them, and whoever drives the connection looks here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The keys of streams that were woken.
#[derive(Clone, Default)]
pub(crate) struct Woken(Arc<Mutex<Vec<usize>>>);

impl Woken {
    pub(crate) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream's own waker, under a key that its owner gives it.
pub(crate) struct Key {
    woken: Woken,
    key: AtomicUsize,
}

impl Key {
    pub(crate) fn new(woken: &Woken) -> Arc<Self> {
        Arc::new(Self { woken: woken.clone(), key: AtomicUsize::new(usize::MAX) })
    }

    pub(crate) fn set(&self, key: usize) {
        self.key.store(key, Ordering::Relaxed);
    }
}

impl Wake for Key {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let key = self.key.load(Ordering::Relaxed);
        self.woken.0.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }
}

pub(crate) fn waker(key: &Arc<Key>) -> Waker {
    Waker::from(Arc::clone(key))
}
