//! The border to Python: small hot types, cells, caches.

pub mod call;
pub mod cell;
pub mod future;
pub mod handle;
pub mod interrupt;
pub mod names;
pub mod ready;
pub mod tls;

pyo3::create_exception!(
    tricorn._core,
    ClientDisconnected,
    pyo3::exceptions::PyOSError,
    "The client has gone: raised by send() (ASGI HTTP spec 2.4) and by reads and writes of WSGI."
);

/// That error.
pub fn client_gone() -> pyo3::PyErr {
    ClientDisconnected::new_err("the client has disconnected")
}
