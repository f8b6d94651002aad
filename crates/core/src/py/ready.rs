//! The awaitable that `send` and `receive` return.
//!
//! It does not suspend when the answer is there already (the common case), gives way once when asked to, or waits for a [`Waiter`]. It has
//! `send`, `throw` and `close`, so asyncio takes it for a coroutine: `create_task(receive())` works.

use std::ffi::{c_char, c_int};
use std::mem::size_of;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::py::call::guard;
use crate::py::future::Waiter;

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum State {
    /// Returns `value`, again and again: the shared instance for None.
    Always,
    /// Returns `value` once.
    Value,
    /// Yields once, then returns `value`.
    GiveWay,
    /// Yields `value`, a Waiter, then returns its result.
    Wait,
    Waiting,
    Used,
}

#[repr(C)]
struct Ready {
    base: ffi::PyObject,
    /// Owned, or null once used.
    value: *mut ffi::PyObject,
    state: State,
}

static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static NONE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Done already, with None.
pub fn none(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let none = NONE.get_or_try_init(py, || {
        make(py, State::Always, py.None().into_bound(py)).map(Bound::unbind)
    })?;
    Ok(none.bind(py).clone())
}

/// Done already, with `value`.
pub fn value<'py>(value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    make(value.py(), State::Value, value)
}

/// Done after the loop has had a turn.
pub fn give_way<'py>(value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    make(value.py(), State::GiveWay, value)
}

/// Done when `waiter` is.
pub fn wait<'py>(waiter: Bound<'py, Waiter>) -> PyResult<Bound<'py, PyAny>> {
    make(waiter.py(), State::Wait, waiter.into_any())
}

fn make<'py>(
    py: Python<'py>,
    state: State,
    value: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let ready_type = TYPE.get_or_try_init(py, || make_type(py))?;
    // SAFETY: the type was made for `Ready`, so the allocation is that large; every field is set
    // before the object is seen.
    unsafe {
        let object = ffi::PyType_GenericAlloc(ready_type.as_ptr().cast(), 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let ready = object.as_ptr().cast::<Ready>();
        (*ready).value = value.into_ptr();
        (*ready).state = state;
        Ok(object)
    }
}

fn methods() -> *mut ffi::PyMethodDef {
    let methods = [
        method(c"send", ffi::PyMethodDefPointer { PyCFunction: method_send }, ffi::METH_O),
        method(c"throw", ffi::PyMethodDefPointer { PyCFunction: method_throw }, ffi::METH_VARARGS),
        method(c"close", ffi::PyMethodDefPointer { PyCFunction: method_close }, ffi::METH_NOARGS),
        ffi::PyMethodDef::zeroed(),
    ];
    // The type lives as long as the process, and its methods with it.
    Box::leak(Box::new(methods)).as_mut_ptr()
}

fn method(
    name: &'static std::ffi::CStr,
    pointer: ffi::PyMethodDefPointer,
    flags: c_int,
) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: pointer,
        ml_flags: flags,
        ml_doc: std::ptr::null(),
    }
}

fn make_type(py: Python<'_>) -> PyResult<Py<PyAny>> {
    let slot = |slot, pfunc| ffi::PyType_Slot { slot, pfunc };
    let mut slots = [
        slot(ffi::Py_tp_dealloc, dealloc as *mut _),
        slot(ffi::Py_am_await, itself as *mut _),
        slot(ffi::Py_am_send, am_send as *mut _),
        slot(ffi::Py_tp_iter, itself as *mut _),
        slot(ffi::Py_tp_iternext, next as *mut _),
        slot(ffi::Py_tp_methods, methods().cast()),
        slot(0, std::ptr::null_mut()),
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = ffi::PyType_Spec {
        name: c"tricorn._core.Ready".as_ptr().cast::<c_char>(),
        basicsize: size_of::<Ready>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and all it points to live until the call returns, which copies them; the
    // name and the methods are static, as the interpreter demands.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)).map(Bound::unbind) }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: called once by the interpreter with the last reference gone; the type is a heap type,
    // whose instances own a reference to it.
    unsafe {
        let object_type = ffi::Py_TYPE(object);
        ffi::Py_XDECREF((*object.cast::<Ready>()).value);
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(object_type.cast());
    }
}

unsafe extern "C" fn itself(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter passes a live object.
    unsafe {
        ffi::Py_INCREF(object);
        object
    }
}

/// What one step of the awaitable gives.
enum Turn<'py> {
    Yield(Bound<'py, PyAny>),
    Return(Bound<'py, PyAny>),
}

/// # Safety
/// `object` must be a live `Ready`, with the interpreter attached.
unsafe fn turn<'py>(py: Python<'py>, object: *mut ffi::PyObject) -> PyResult<Turn<'py>> {
    // SAFETY: by the contract; the value is taken out together with the change of state, so it is
    // released once.
    unsafe {
        let ready = object.cast::<Ready>();
        match (*ready).state {
            State::Always => Ok(Turn::Return(Bound::from_borrowed_ptr(py, (*ready).value))),
            State::GiveWay => {
                (*ready).state = State::Value;
                Ok(Turn::Yield(py.None().into_bound(py)))
            }
            State::Wait => {
                (*ready).state = State::Waiting;
                let waiter = Bound::from_borrowed_ptr(py, (*ready).value).cast_into::<Waiter>()?;
                waiter.get().set_blocking(true);
                Ok(Turn::Yield(waiter.into_any()))
            }
            state @ (State::Value | State::Waiting) => {
                let value = std::mem::replace(&mut (*ready).value, std::ptr::null_mut());
                (*ready).state = State::Used;
                let value = Bound::from_owned_ptr(py, value);
                if state == State::Value {
                    return Ok(Turn::Return(value));
                }
                Ok(Turn::Return(value.cast_into::<Waiter>()?.get().outcome(py)?))
            }
            State::Used => Err(PyRuntimeError::new_err("this awaitable has been awaited already")),
        }
    }
}

unsafe extern "C" fn am_send(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the interpreter calls with itself attached and with a place for the result.
    unsafe {
        let py = Python::assume_attached();
        *result = std::ptr::null_mut();
        guard(py, ffi::PySendResult::PYGEN_ERROR, || {
            Ok(match turn(py, object)? {
                Turn::Yield(value) => {
                    *result = value.into_ptr();
                    ffi::PySendResult::PYGEN_NEXT
                }
                Turn::Return(value) => {
                    *result = value.into_ptr();
                    ffi::PySendResult::PYGEN_RETURN
                }
            })
        })
    }
}

unsafe extern "C" fn next(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and a live object.
    unsafe {
        if (*object.cast::<Ready>()).state == State::Always {
            return std::ptr::null_mut(); // the end of an iterator without an error: None
        }
        let py = Python::assume_attached();
        guard(py, std::ptr::null_mut(), || match turn(py, object)? {
            Turn::Yield(value) => Ok(value.into_ptr()),
            Turn::Return(value) => {
                // `await` takes the value out again (CPython's `_PyGen_FetchStopIterationValue`).
                ffi::PyErr_SetObject(ffi::PyExc_StopIteration, value.as_ptr());
                Ok(std::ptr::null_mut())
            }
        })
    }
}

unsafe extern "C" fn method_send(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the same contract as `next`.
    unsafe {
        let yielded = next(object);
        if yielded.is_null() && ffi::PyErr_Occurred().is_null() {
            // A method has to raise where a slot may just return nothing.
            ffi::PyErr_SetNone(ffi::PyExc_StopIteration);
        }
        yielded
    }
}

unsafe extern "C" fn method_throw(
    object: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached, a live object and a tuple of arguments.
    unsafe {
        let py = Python::assume_attached();
        (*object.cast::<Ready>()).state = State::Used;
        guard(py, std::ptr::null_mut(), || {
            let args = Bound::from_borrowed_ptr(py, args).cast_into::<pyo3::types::PyTuple>()?;
            // throw(exception), or the older throw(type, exception, traceback).
            let given = args.iter().take(2).filter(|arg| !arg.is_none()).last();
            Err(given.map_or_else(
                || PyRuntimeError::new_err("throw() takes an exception"),
                PyErr::from_value,
            ))
        })
    }
}

unsafe extern "C" fn method_close(
    object: *mut ffi::PyObject,
    _none: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and a live object.
    unsafe {
        if (*object.cast::<Ready>()).state != State::Always {
            (*object.cast::<Ready>()).state = State::Used;
        }
        Python::assume_attached().None().into_ptr()
    }
}
