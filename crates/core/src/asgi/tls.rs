//! The `tls` extension of a scope (ASGI TLS extension 0.2).
//!
//! Shape: `{"server_cert": str|None, "client_cert_chain": [str], "client_cert_name": str|None,
//! "client_cert_error": None, "tls_version": int, "cipher_suite": int}`; certificates are PEM. A client
//! whose certificate is not valid does not get as far as a request, so there is never an error.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use tricorn_net::tls::facts::{to_pem, Facts};
use tricorn_net::tls::Secured;

/// The extension of one connection, made once.
pub fn extension<'py>(py: Python<'py>, secured: &Secured) -> PyResult<Bound<'py, PyAny>> {
    let made = secured.kept.get_or_make(|| make(py, secured).map(Bound::unbind));
    match made {
        Some(Ok(extension)) => Ok(extension.bind(py).clone().into_any()),
        Some(Err(error)) => Err(error.clone_ref(py)),
        None => Ok(py.None().into_bound(py)),
    }
}

fn make<'py>(py: Python<'py>, secured: &Secured) -> PyResult<Bound<'py, PyDict>> {
    let server = secured.shown.as_ref().and_then(|shown| {
        let der = shown.chain.first()?;
        shown.kept.get_or_make(|| PyString::new(py, &to_pem(der)).unbind())
    });
    let chain = secured.client_chain.iter().map(|der| to_pem(der));
    let name = secured.client_chain.first().and_then(|der| Facts::read(der));
    let extension = PyDict::new(py);
    extension.set_item("server_cert", server)?;
    extension.set_item("client_cert_chain", PyList::new(py, chain.collect::<Vec<_>>())?)?;
    extension.set_item("client_cert_name", name.map(|facts| facts.subject))?;
    extension.set_item("client_cert_error", py.None())?;
    extension.set_item("tls_version", secured.version)?;
    extension.set_item("cipher_suite", secured.suite)?;
    Ok(extension)
}
