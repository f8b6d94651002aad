//! An exception for another thread, which it raises at its next bytecode.

use std::ffi::{c_long, c_ulong};

use pyo3::ffi::PyThreadState_SetAsyncExc;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Sets it for the thread with that `threading.get_ident()`, in place of one that is pending; false
/// if there is no such thread.
pub fn set(thread: c_ulong, error: &Bound<'_, PyType>) -> bool {
    // SAFETY: the interpreter is attached, as `error` shows, and keeps a reference of its own.
    unsafe { PyThreadState_SetAsyncExc(thread as c_long, error.as_ptr()) == 1 }
}

/// Takes back one that is pending.
pub fn take_back(_py: Python<'_>, thread: c_ulong) {
    // SAFETY: the interpreter is attached; null stands for no exception.
    unsafe { PyThreadState_SetAsyncExc(thread as c_long, std::ptr::null_mut()) };
}
