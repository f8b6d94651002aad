//! State that belongs to one thread, inside objects that Python may carry to any.

use std::cell::{RefCell, RefMut};

use pyo3::exceptions::PyRuntimeError;
use pyo3::PyResult;

/// A number that no other living thread has: `ThreadId` costs a reference count at each look.
fn here() -> usize {
    thread_local! {
        static PLACE: u8 = const { 0 };
    }
    PLACE.with(|place| std::ptr::from_ref(place) as usize)
}

/// A `RefCell` that only the thread it was made on can open.
pub struct OwnerCell<T> {
    owner: usize,
    value: RefCell<T>,
}

// SAFETY: `get` refuses every thread but the owner, and `inherit` is for a process that has one
// thread only; there are no other ways to the value, so two threads never reach it. (A thread that takes the number of one that has ended is its heir.) Dropping may happen on another thread, hence `T: Send`.
unsafe impl<T: Send> Sync for OwnerCell<T> {}

impl<T> OwnerCell<T> {
    pub fn new(value: T) -> Self {
        Self { owner: here(), value: RefCell::new(value) }
    }

    pub fn is_owner(&self) -> bool {
        self.owner == here()
    }

    /// In a child right after its fork: the value, whoever the owner was. None if it was in use.
    ///
    /// The caller is the only thread there is, since others are not forked.
    pub fn inherit(&self) -> Option<RefMut<'_, T>> {
        self.value.try_borrow_mut().ok()
    }

    /// The value, until the guard goes: never keep it across a call into Python.
    pub fn get(&self) -> RefMut<'_, T> {
        assert!(self.is_owner(), "used on another thread than its own");
        self.value.borrow_mut()
    }

    /// Refuses other threads, with an error that says what to do instead.
    pub fn check_owner(&self, what: &str) -> PyResult<()> {
        if self.is_owner() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(format!(
            "{what} was called from another thread than the event loop's; \
             use loop.call_soon_threadsafe or asyncio.run_coroutine_threadsafe"
        )))
    }
}
