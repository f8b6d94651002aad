//! A certificate and its key as Python holds them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::net::tls::{Flaw, Identity};

/// What ALPN (RFC 7301) offers.
const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

/// Certificate, key and oldest protocol version of a server, checked. Survives a fork, so workers
/// need not be able to read the files.
#[pyclass(frozen, module = "tricorn._core")]
pub struct TlsContext {
    pub identity: Identity,
}

#[pymethods]
impl TlsContext {
    /// From PEM. ValueError("tls_cert" or "tls_key", what is wrong with it).
    #[new]
    fn new(chain: &[u8], key: &[u8], min_version: &str) -> PyResult<Self> {
        match Identity::load(chain, key, min_version == "1.3", PROTOCOLS) {
            Ok(identity) => Ok(Self { identity }),
            Err(Flaw::Certificate(text)) => Err(PyValueError::new_err(("tls_cert", text))),
            Err(Flaw::Key(text)) => Err(PyValueError::new_err(("tls_key", text))),
        }
    }
}
