//! Calls into CPython that the bindings have no equally fast way for.

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

/// Runs the body of a C slot: an error is set, a panic becomes an error too.
pub fn guard<R>(py: Python<'_>, failed: R, body: impl FnOnce() -> PyResult<R>) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            error.restore(py);
            failed
        }
        Err(panic) => {
            PyRuntimeError::new_err(bug(&panic)).restore(py);
            failed
        }
    }
}

/// What to say of a panic of our own.
pub fn bug(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!("a bug in Tricorn's core, please report it: {text}")
}

/// `callable(*args)` with up to three positional arguments, without a tuple.
pub fn call<'py, const N: usize>(
    callable: &Bound<'py, PyAny>,
    args: [&Bound<'py, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    let pointers = args.map(Bound::as_ptr);
    // SAFETY: all pointers are live for the call; the result is a new reference or an error.
    unsafe {
        let result =
            ffi::PyObject_Vectorcall(callable.as_ptr(), pointers.as_ptr(), N, std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// A list of exactly as many items as `items` promises, without growing it step by step.
pub fn list<'py>(
    py: Python<'py>,
    items: impl ExactSizeIterator<Item = PyResult<Bound<'py, PyAny>>>,
) -> PyResult<Bound<'py, PyList>> {
    let length = items.len();
    // SAFETY: PyList_SET_ITEM steals references that are ours, into a fresh list with that many
    // places that nobody has seen yet. An iterator that ends early leaves empty places, so that is
    // an error; as is one that goes on, which `zip` cuts short.
    unsafe {
        let list = ffi::PyList_New(length as ffi::Py_ssize_t);
        let list = Bound::from_owned_ptr_or_err(py, list)?.cast_into_unchecked::<PyList>();
        let mut filled = 0;
        for (place, item) in (0..length).zip(items) {
            ffi::PyList_SET_ITEM(list.as_ptr(), place as ffi::Py_ssize_t, item?.into_ptr());
            filled += 1;
        }
        assert_eq!(filled, length, "an iterator that knows its length");
        Ok(list)
    }
}

/// `dict.get(key)` for interned keys: no hashing, no error for an absent key.
pub fn get_item<'py>(
    dict: &Bound<'py, PyDict>,
    key: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // SAFETY: a borrowed reference is made a new one before anything can run.
    unsafe {
        let item = ffi::PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr());
        if item.is_null() && !ffi::PyErr_Occurred().is_null() {
            return Err(PyErr::fetch(dict.py()));
        }
        Ok(Bound::from_borrowed_ptr_or_opt(dict.py(), item))
    }
}

/// `(a, b)`.
pub fn pair<'py>(a: &Bound<'py, PyAny>, b: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: PyTuple_SET_ITEM steals references that are ours, into a fresh tuple of two.
    unsafe {
        let tuple = ffi::PyTuple_New(2);
        let tuple = Bound::from_owned_ptr_or_err(a.py(), tuple)?;
        ffi::PyTuple_SET_ITEM(tuple.as_ptr(), 0, a.clone().into_ptr());
        ffi::PyTuple_SET_ITEM(tuple.as_ptr(), 1, b.into_ptr());
        Ok(tuple)
    }
}

/// A str of ASCII bytes; the caller has checked that they are.
pub fn ascii<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    debug_assert!(bytes.is_ascii());
    // SAFETY: a fresh compact ASCII string of that length is filled before anybody sees it.
    unsafe {
        let text = ffi::PyUnicode_New(bytes.len() as ffi::Py_ssize_t, 127);
        let text = Bound::from_owned_ptr_or_err(py, text)?;
        if !bytes.is_empty() {
            let data = ffi::PyUnicode_DATA(text.as_ptr()).cast::<u8>();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data, bytes.len());
        }
        Ok(text)
    }
}

/// A str of bytes that have been checked to be UTF-8.
pub fn utf8<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if bytes.is_ascii() {
        return ascii(py, bytes);
    }
    Ok(PyString::from_bytes(py, bytes)?.into_any())
}

/// The bytes of `object` if it is exactly a bytes object.
pub fn exact_bytes<'a>(object: &'a Bound<'_, PyAny>) -> Option<&'a [u8]> {
    object.cast_exact::<PyBytes>().ok().map(|bytes| bytes.as_bytes())
}
