//! Certificates and their keys as Python holds them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::net::tls::{Flaw, Identity, Materials, Options, Pair, Part};

/// What ALPN (RFC 7301) offers.
const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

/// Certificates, keys and the settings about TLS, checked. Survives a fork, so workers need not be
/// able to read the files.
#[pyclass(frozen, module = "tricorn._core")]
pub struct TlsContext {
    pub identity: Identity,
}

#[pymethods]
impl TlsContext {
    /// From pairs of PEM, certificate and key. ValueError(setting, which of several, what is wrong).
    #[new]
    #[pyo3(signature = (pairs, *, min_version, password=None))]
    fn new(
        pairs: Vec<(Vec<u8>, Vec<u8>)>,
        min_version: &str,
        password: Option<&[u8]>,
    ) -> PyResult<Self> {
        let options = Options { newest_only: min_version == "1.3", protocols: PROTOCOLS };
        let identity = read(&pairs, password)
            .and_then(|materials| Identity::new(&materials, &options))
            .map_err(|flaw| PyValueError::new_err((setting(flaw.part), flaw.index, flaw.text)))?;
        Ok(Self { identity })
    }
}

fn read(pairs: &[(Vec<u8>, Vec<u8>)], password: Option<&[u8]>) -> Result<Materials, Flaw> {
    let pairs: Result<Vec<_>, _> = (pairs.iter().enumerate())
        .map(|(index, (chain, key))| {
            Pair::read(chain, key, password).map_err(|flaw| Flaw { index, ..flaw })
        })
        .collect();
    Ok(Materials { pairs: pairs? })
}

/// The setting that gave the file.
fn setting(part: Part) -> &'static str {
    match part {
        Part::Certificate => "tls_cert",
        Part::Key => "tls_key",
        Part::Password => "tls_key_password",
    }
}
