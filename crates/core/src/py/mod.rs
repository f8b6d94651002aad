//! The border to Python: small hot types, cells, caches.

pub mod call;
pub mod cell;
pub mod future;
pub mod handle;
pub mod interrupt;
pub mod names;
pub mod ready;
pub mod tls;

use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use tricorn_wire::reject::Reject;

pyo3::create_exception!(
    tricorn._core,
    ClientDisconnected,
    pyo3::exceptions::PyOSError,
    "The client has gone: raised by send() (ASGI HTTP spec 2.4) and by reads and writes of WSGI."
);

pyo3::create_exception!(
    tricorn._core,
    RequestRefused,
    pyo3::exceptions::PyOSError,
    "The request was refused while its body was read: it is malformed, too large, too slow or cut."
);

/// The exception, with its traceback: before Python 3.12 an error that was raised through us has that
/// apart.
pub fn exception_of<'py>(py: Python<'py>, error: &PyErr) -> Bound<'py, PyBaseException> {
    let exception = error.value(py).clone();
    if let Some(traceback) = error.traceback(py) {
        // Only what is no traceback is refused.
        let _ = exception.setattr(intern!(py, "__traceback__"), traceback);
    }
    exception
}

/// The client has gone.
pub fn client_gone() -> pyo3::PyErr {
    ClientDisconnected::new_err("the client has disconnected")
}

/// The request was refused.
pub fn refused(reject: Reject) -> pyo3::PyErr {
    RequestRefused::new_err(reject.detail())
}
