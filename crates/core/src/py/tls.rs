//! Certificates and their keys as Python holds them.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::net::tls::{Authorities, Flaw, Identity, Materials, Options, Pair, Part};

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
    #[pyo3(signature = (
        pairs, *, min_version, password=None, clients_optional=false, client_ca=None,
        client_crl=None
    ))]
    fn new(
        pairs: Vec<(Vec<u8>, Vec<u8>)>,
        min_version: &str,
        password: Option<&[u8]>,
        clients_optional: bool,
        client_ca: Option<&[u8]>,
        client_crl: Option<&[u8]>,
    ) -> PyResult<Self> {
        let newest_only = min_version == "1.3";
        let options = Options { newest_only, clients_optional, protocols: PROTOCOLS };
        let read = || {
            let authorities = client_ca.map(|roots| Authorities::read(roots, client_crl));
            let pairs = read_pairs(&pairs, password)?;
            let materials = Materials { pairs, authorities: authorities.transpose()? };
            Identity::new(&materials, &options)
        };
        let wrong = |flaw: Flaw| PyValueError::new_err((setting(flaw.part), flaw.index, flaw.text));
        Ok(Self { identity: read().map_err(wrong)? })
    }
}

fn read_pairs(pairs: &[(Vec<u8>, Vec<u8>)], password: Option<&[u8]>) -> Result<Vec<Pair>, Flaw> {
    (pairs.iter().enumerate())
        .map(|(index, (chain, key))| {
            Pair::read(chain, key, password).map_err(|flaw| Flaw { index, ..flaw })
        })
        .collect()
}

/// The setting that gave the file.
fn setting(part: Part) -> &'static str {
    match part {
        Part::Certificate => "tls_cert",
        Part::Key => "tls_key",
        Part::Password => "tls_key_password",
        Part::ClientCa => "tls_client_ca",
        Part::ClientCrl => "tls_client_crl",
    }
}
