//! The awaitable that `send` and `receive` return.
//!
//! It does not suspend when the answer is there already (the common case), gives way once when asked to, or waits for a [`Waiter`]. It has
//! `send`, `throw` and `close`, so asyncio takes it for a coroutine: `create_task(receive())` works.
//!
//! A `send` is done when it is called, and only its wait can be cancelled. A `receive` begins with
//! its first step, and takes its message in the step that returns it: one that is cancelled, closed
//! or forgotten before has taken nothing.

use std::ffi::{c_char, c_int};
use std::mem::size_of;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::asgi::core::AsgiCore;
use crate::asgi::waiting::{self, Role};
use crate::py::call::guard;
use crate::py::future::Waiter;
use tricorn_net::Target;
use tricorn_net::Token;

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// Returns None, again and again: the shared instance.
    Always,
    /// Returns None once.
    Done,
    /// Yields once, then returns None.
    GiveWay,
    /// Yields `waiter`, then returns its result.
    Wait,
    Waiting,
    /// Takes a message, after a turn for others if one is due.
    Receive,
    /// Has given way, or been woken: takes a message.
    Take,
    /// Has yielded `waiter`.
    Receiving,
    Used,
}

impl Stage {
    /// Is a waiter in line for it?
    fn waits(self) -> bool {
        matches!(self, Self::Wait | Self::Waiting | Self::Receiving)
    }
}

#[repr(C)]
struct Ready {
    base: ffi::PyObject,
    /// Owned, or null.
    waiter: *mut ffi::PyObject,
    /// An owned `AsgiCore`, or null for what does not wait.
    core: *mut ffi::PyObject,
    target: Target,
    role: Role,
    state: Stage,
}

static TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static NONE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Done already, with None.
pub fn none(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    let none =
        NONE.get_or_try_init(py, || make(py, Stage::Always, None, None).map(Bound::unbind))?;
    Ok(none.bind(py).clone())
}

/// Done with None after the loop has had a turn.
pub fn give_way(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    make(py, Stage::GiveWay, None, None)
}

/// A `send` that is done when `waiter`, which is in line for the request, is.
pub fn wait<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    waiter: Bound<'py, Waiter>,
) -> PyResult<Bound<'py, PyAny>> {
    make(core.py(), Stage::Wait, Some((core, target, Role::Send)), Some(waiter))
}

/// One `receive` of the request: its next message.
pub fn receive<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    role: Role,
) -> PyResult<Bound<'py, PyAny>> {
    make(core.py(), Stage::Receive, Some((core, target, role)), None)
}

fn make<'py>(
    py: Python<'py>,
    state: Stage,
    request: Option<(&Bound<'py, AsgiCore>, Target, Role)>,
    waiter: Option<Bound<'py, Waiter>>,
) -> PyResult<Bound<'py, PyAny>> {
    let ready_type = TYPE.get_or_try_init(py, || make_type(py))?;
    let nobody = Target { token: Token { slot: 0, generation: 0 }, seq: 0 };
    let (core, target, role) = match request {
        Some((core, target, role)) => (core.clone().into_ptr(), target, role),
        None => (std::ptr::null_mut(), nobody, Role::Send),
    };
    let waiter = waiter.map_or(std::ptr::null_mut(), |waiter| waiter.into_ptr());
    // SAFETY: the type was made for `Ready`, so the allocation is that large; every field is set
    // before the object is seen.
    unsafe {
        let object = ffi::PyType_GenericAlloc(ready_type.as_ptr().cast(), 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let ready = object.as_ptr().cast::<Ready>();
        (*ready).waiter = waiter;
        (*ready).core = core;
        (*ready).target = target;
        (*ready).role = role;
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
    // SAFETY: called once by the interpreter, attached, with the last reference gone; the type is a
    // heap type, whose instances own a reference to it.
    unsafe {
        let ready = object.cast::<Ready>();
        if (*ready).state.waits() {
            let py = Python::assume_attached();
            let raised = PyErr::take(py); // it may be dropped while an error is on its way
            guard(py, (), || {
                give_up(py, object);
                Ok(())
            });
            if let Some(error) = PyErr::take(py) {
                error.write_unraisable(py, None);
            }
            raised.into_iter().for_each(|error| error.restore(py));
        }
        let object_type = ffi::Py_TYPE(object);
        ffi::Py_XDECREF((*ready).waiter);
        ffi::Py_XDECREF((*ready).core);
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(object_type.cast());
    }
}

/// Nobody will step it any more: it leaves the line, if it waits there.
///
/// # Safety
/// `object` must be a live `Ready`, with the interpreter attached.
unsafe fn give_up(py: Python<'_>, object: *mut ffi::PyObject) {
    // SAFETY: by the contract; `core` and `waiter` are of these types by construction.
    unsafe {
        let ready = object.cast::<Ready>();
        let state = (*ready).state;
        if state == Stage::Always {
            return; // it is everybody's
        }
        (*ready).state = Stage::Used;
        if !state.waits() {
            return;
        }
        let (target, role) = ((*ready).target, (*ready).role);
        let core = Bound::from_borrowed_ptr(py, (*ready).core).cast_into_unchecked::<AsgiCore>();
        let waiter = Bound::from_borrowed_ptr(py, (*ready).waiter).cast_into_unchecked();
        waiting::leave(&core, target, role, &waiter);
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
    // SAFETY: by the contract; a core and a waiter are there in the states that use them.
    unsafe {
        let ready = object.cast::<Ready>();
        let waiter = |ready: &Ready| {
            Bound::from_borrowed_ptr(py, ready.waiter).cast_into_unchecked::<Waiter>()
        };
        match (*ready).state {
            Stage::Always => Ok(Turn::Return(py.None().into_bound(py))),
            Stage::Done => {
                (*ready).state = Stage::Used;
                Ok(Turn::Return(py.None().into_bound(py)))
            }
            Stage::GiveWay => {
                (*ready).state = Stage::Done;
                Ok(Turn::Yield(py.None().into_bound(py)))
            }
            Stage::Wait => {
                check_owner(py, ready, "send()")?;
                (*ready).state = Stage::Waiting;
                Ok(Turn::Yield(blocking(waiter(&*ready))))
            }
            Stage::Receiving if waiter(&*ready).get().is_pending() => {
                Ok(Turn::Yield(blocking(waiter(&*ready))))
            }
            Stage::Waiting => {
                (*ready).state = Stage::Used;
                Ok(Turn::Return(waiter(&*ready).get().outcome(py)?))
            }
            Stage::Receive | Stage::Take | Stage::Receiving => take(py, object),
            Stage::Used => Err(PyRuntimeError::new_err("this awaitable has been awaited already")),
        }
    }
}

/// # Safety
/// `ready` must be a live `Ready` that has a core, with the interpreter attached.
unsafe fn check_owner(py: Python<'_>, ready: *mut Ready, what: &str) -> PyResult<()> {
    // SAFETY: by the contract.
    let core =
        unsafe { Bound::from_borrowed_ptr(py, (*ready).core).cast_into_unchecked::<AsgiCore>() };
    core.get().state.check_owner(what)
}

/// A waiter as a task expects it of a future that it is to wait for.
fn blocking(waiter: Bound<'_, Waiter>) -> Bound<'_, PyAny> {
    waiter.get().set_blocking(true);
    waiter.into_any()
}

/// The next message, or a wait for it.
///
/// # Safety
/// `object` must be a live `Ready` of a `receive`, with the interpreter attached.
unsafe fn take<'py>(py: Python<'py>, object: *mut ffi::PyObject) -> PyResult<Turn<'py>> {
    // SAFETY: by the contract; what is taken out of a field is replaced in the same step, so
    // every reference is released once.
    unsafe {
        let ready = object.cast::<Ready>();
        let (target, role) = ((*ready).target, (*ready).role);
        let core = Bound::from_borrowed_ptr(py, (*ready).core).cast_into_unchecked::<AsgiCore>();
        check_owner(py, ready, "receive()")?;
        let begins = (*ready).state == Stage::Receive;
        (*ready).state = Stage::Take;
        let woke = std::mem::replace(&mut (*ready).waiter, std::ptr::null_mut());
        drop(Bound::from_owned_ptr_or_opt(py, woke));
        if begins && waiting::is_due(&core, target) {
            return Ok(Turn::Yield(py.None().into_bound(py)));
        }
        if let Some(message) = waiting::message(&core, target, role)? {
            (*ready).state = Stage::Used;
            return Ok(Turn::Return(message));
        }
        let waiter = waiting::join(&core, target, role)?;
        (*ready).waiter = waiter.clone().into_ptr();
        (*ready).state = Stage::Receiving;
        Ok(Turn::Yield(blocking(waiter)))
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
        if (*object.cast::<Ready>()).state == Stage::Always {
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
        give_up(py, object);
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
        let py = Python::assume_attached();
        give_up(py, object);
        py.None().into_ptr()
    }
}
