//! The callables that an application gets: `send` and `receive`, and the callback for its task.
//!
//! One small C struct with a vectorcall pointer: an instance costs an allocation of 72 bytes and
//! three stores, a call no argument tuple. A handle names its request by (token, seq), so it may
//! outlive the connection; it then finds nothing.

use std::ffi::{c_char, c_int};
use std::mem::{offset_of, size_of};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::asgi::core::AsgiCore;
use crate::asgi::waiting::Role;
use crate::asgi::{send, task, websocket};
use crate::py::call::guard;
use crate::py::ready;
use tricorn_net::{Target, Token};

#[repr(C)]
struct Handle {
    base: ffi::PyObject,
    vectorcall: Option<ffi::vectorcallfunc>,
    /// An owned `AsgiCore`.
    core: *mut ffi::PyObject,
    /// An owned scope, or null.
    scope: *mut ffi::PyObject,
    token: Token,
    seq: u32,
}

/// What a handle does when it is called.
#[derive(Clone, Copy)]
pub enum Kind {
    Send,
    Receive,
    WsSend,
    WsReceive,
    TaskDone,
}

struct Types([Py<PyAny>; 5]);

static TYPES: PyOnceLock<Types> = PyOnceLock::new();

impl Kind {
    fn vectorcall(self) -> ffi::vectorcallfunc {
        match self {
            Self::Send => call_send,
            Self::Receive => call_receive,
            Self::WsSend => call_ws_send,
            Self::WsReceive => call_ws_receive,
            Self::TaskDone => call_task_done,
        }
    }

    fn name(self) -> &'static [u8] {
        match self {
            Self::Send => b"tricorn._core.Send\0",
            Self::Receive => b"tricorn._core.Receive\0",
            Self::WsSend => b"tricorn._core.WebSocketSend\0",
            Self::WsReceive => b"tricorn._core.WebSocketReceive\0",
            Self::TaskDone => b"tricorn._core.TaskDone\0",
        }
    }
}

/// A new handle; `scope` is kept only to name the request in errors.
pub fn new<'py>(
    core: &Bound<'py, AsgiCore>,
    kind: Kind,
    target: Target,
    scope: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let types = TYPES.get_or_try_init(py, || {
        let make = |kind| make_type(py, kind);
        Ok::<_, PyErr>(Types([
            make(Kind::Send)?,
            make(Kind::Receive)?,
            make(Kind::WsSend)?,
            make(Kind::WsReceive)?,
            make(Kind::TaskDone)?,
        ]))
    })?;
    let kind_type = types.0[kind as usize].as_ptr().cast::<ffi::PyTypeObject>();
    // SAFETY: the type was made for `Handle`, so the allocation is that large; every field is set
    // before the object is seen. References are owned by the object until `dealloc`.
    unsafe {
        let object = ffi::PyType_GenericAlloc(kind_type, 0);
        let object = Bound::from_owned_ptr_or_err(py, object)?;
        let handle = object.as_ptr().cast::<Handle>();
        (*handle).vectorcall = Some(kind.vectorcall());
        (*handle).core = core.clone().into_ptr();
        (*handle).scope = scope.map_or(std::ptr::null_mut(), |scope| scope.clone().into_ptr());
        (*handle).token = target.token;
        (*handle).seq = target.seq;
        Ok(object)
    }
}

/// The request that a task's callback belongs to, and its scope.
pub fn request_of<'py>(callback: &Bound<'py, PyAny>) -> Option<(Target, Bound<'py, PyAny>)> {
    let py = callback.py();
    let kind = &TYPES.get(py)?.0[Kind::TaskDone as usize];
    if callback.get_type().as_ptr() != kind.as_ptr() {
        return None;
    }
    // SAFETY: instances of that type are handles.
    let parts = unsafe { parts(py, callback.as_ptr()) };
    Some((parts.target, parts.scope?))
}

fn make_type(py: Python<'_>, kind: Kind) -> PyResult<Py<PyAny>> {
    let mut members = [
        ffi::PyMemberDef {
            name: c"__vectorcalloffset__".as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: offset_of!(Handle, vectorcall) as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: std::ptr::null(),
        },
        ffi::PyMemberDef {
            name: std::ptr::null(),
            type_code: 0,
            offset: 0,
            flags: 0,
            doc: std::ptr::null(),
        },
    ];
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_dealloc, pfunc: dealloc as *mut _ },
        ffi::PyType_Slot { slot: ffi::Py_tp_call, pfunc: ffi::PyVectorcall_Call as *mut _ },
        ffi::PyType_Slot { slot: ffi::Py_tp_members, pfunc: members.as_mut_ptr().cast() },
        ffi::PyType_Slot { slot: 0, pfunc: std::ptr::null_mut() },
    ];
    let flags = ffi::Py_TPFLAGS_DEFAULT
        | ffi::Py_TPFLAGS_HAVE_VECTORCALL
        | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    let mut spec = ffi::PyType_Spec {
        name: kind.name().as_ptr().cast::<c_char>(),
        basicsize: size_of::<Handle>() as c_int,
        itemsize: 0,
        flags: flags as u32,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec and all it points to live until the call returns, which copies them; names
    // are static, as the interpreter demands.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpec(&mut spec)).map(Bound::unbind) }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: called once by the interpreter with the last reference gone; the type is a heap type,
    // whose instances own a reference to it.
    unsafe {
        let handle = object.cast::<Handle>();
        let object_type = ffi::Py_TYPE(object);
        ffi::Py_XDECREF((*handle).core);
        ffi::Py_XDECREF((*handle).scope);
        ffi::PyObject_Free(object.cast());
        ffi::Py_DECREF(object_type.cast());
    }
}

/// The parts of a handle, borrowed from it.
struct Parts<'py> {
    core: Bound<'py, AsgiCore>,
    target: Target,
    scope: Option<Bound<'py, PyAny>>,
}

/// # Safety
/// `callable` must be a live `Handle`.
unsafe fn parts<'py>(py: Python<'py>, callable: *mut ffi::PyObject) -> Parts<'py> {
    // SAFETY: by the contract; `core` is an AsgiCore by construction.
    unsafe {
        let handle = callable.cast::<Handle>();
        let core = Bound::from_borrowed_ptr(py, (*handle).core).cast_into_unchecked::<AsgiCore>();
        let scope = Bound::from_borrowed_ptr_or_opt(py, (*handle).scope);
        Parts { core, target: Target { token: (*handle).token, seq: (*handle).seq }, scope }
    }
}

/// # Safety
/// The arguments are those of a vectorcall with the interpreter attached.
unsafe fn only_argument<'py>(
    py: Python<'py>,
    name: &str,
    args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: by the contract, `args` holds as many live objects as `count` says.
    unsafe {
        if ffi::PyVectorcall_NARGS(count) != 1 || !keywords.is_null() {
            return Err(PyTypeError::new_err(format!("{name}() takes one positional argument")));
        }
        Ok(Bound::from_borrowed_ptr(py, *args))
    }
}

type Send =
    for<'py> fn(&Bound<'py, AsgiCore>, Target, &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>>;

/// # Safety
/// The arguments are those of a vectorcall of a `Handle` with the interpreter attached.
unsafe fn send_with(
    act: Send,
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: by the contract.
    unsafe {
        let py = Python::assume_attached();
        guard(py, std::ptr::null_mut(), || {
            let message = only_argument(py, "send", args, count, keywords)?;
            let parts = parts(py, callable);
            act(&parts.core, parts.target, &message).map(Bound::into_ptr)
        })
    }
}

/// # Safety
/// The arguments are those of a vectorcall of a `Handle` with the interpreter attached.
unsafe fn receive_with(
    role: Role,
    callable: *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: by the contract.
    unsafe {
        let py = Python::assume_attached();
        guard(py, std::ptr::null_mut(), || {
            if ffi::PyVectorcall_NARGS(count) != 0 || !keywords.is_null() {
                return Err(PyTypeError::new_err("receive() takes no arguments"));
            }
            let parts = parts(py, callable);
            ready::receive(&parts.core, parts.target, role).map(Bound::into_ptr)
        })
    }
}

unsafe extern "C" fn call_send(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and with valid arguments.
    unsafe { send_with(send::call, callable, args, count, keywords) }
}

unsafe extern "C" fn call_ws_send(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and with valid arguments.
    unsafe { send_with(websocket::send::call, callable, args, count, keywords) }
}

unsafe extern "C" fn call_receive(
    callable: *mut ffi::PyObject,
    _args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and with valid arguments.
    unsafe { receive_with(Role::Receive, callable, count, keywords) }
}

unsafe extern "C" fn call_ws_receive(
    callable: *mut ffi::PyObject,
    _args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and with valid arguments.
    unsafe { receive_with(Role::WsReceive, callable, count, keywords) }
}

unsafe extern "C" fn call_task_done(
    callable: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls with itself attached and with valid arguments.
    unsafe {
        let py = Python::assume_attached();
        guard(py, std::ptr::null_mut(), || {
            let done = only_argument(py, "done", args, count, keywords)?;
            let Parts { core, target, scope } = parts(py, callable);
            if let Some(scope) = scope {
                task::done(&core, target, &done, &scope)?;
            }
            Ok(py.None().into_ptr())
        })
    }
}
