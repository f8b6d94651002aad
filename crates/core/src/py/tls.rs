//! Certificates and their keys as Python holds them.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::net::tls::{Authorities, Flaw, Identity, Materials, Options, Pair, Part, Staple};

/// What ALPN (RFC 7301) offers.
const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

/// Certificates, keys and the settings about TLS, checked. Survives a fork, so workers need not be
/// able to read the files.
#[pyclass(frozen, module = "tricorn._core")]
pub struct TlsContext {
    pub identity: Identity,
}

/// What is read of the section of settings, `tricorn.config.tls.Tls`.
#[derive(FromPyObject)]
struct Section {
    min_version: String,
    ticket_rotation: f64,
    client_auth: String,
}

impl Section {
    fn options(&self) -> Options {
        Options {
            newest_only: self.min_version == "1.3",
            ticket_rotation: Duration::try_from_secs_f64(self.ticket_rotation).unwrap_or_default(),
            clients_optional: self.client_auth == "optional",
            protocols: PROTOCOLS,
        }
    }
}

/// What is in the files, `tricorn.config.certificates.Contents`.
#[derive(FromPyObject)]
struct Contents {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    password: Option<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
    client_crl: Option<Vec<u8>>,
    ocsp: Vec<Vec<u8>>,
}

impl Contents {
    fn read(&self) -> Result<Materials, Flaw> {
        let pair = |(index, (chain, key)): (usize, &(Vec<u8>, Vec<u8>))| {
            Pair::read(chain, key, self.password.as_deref()).map_err(|flaw| Flaw { index, ..flaw })
        };
        let pairs: Result<Vec<_>, _> = self.pairs.iter().enumerate().map(pair).collect();
        let authorities = (self.client_ca.as_ref())
            .map(|roots| Authorities::read(roots, self.client_crl.as_deref()));
        let staple = |(index, der): (usize, &Vec<u8>)| {
            Staple::read(der).map_err(|flaw| Flaw { index, ..flaw })
        };
        let staples: Result<Vec<_>, _> = self.ocsp.iter().enumerate().map(staple).collect();
        Ok(Materials { pairs: pairs?, staples: staples?, authorities: authorities.transpose()? })
    }
}

#[pymethods]
impl TlsContext {
    /// From the settings and what is in their files. ValueError(setting, which of several, what is
    /// wrong).
    #[new]
    fn new(section: Section, contents: Contents) -> PyResult<Self> {
        let read = || Identity::new(&contents.read()?, &section.options());
        let wrong = |flaw: Flaw| PyValueError::new_err((setting(flaw.part), flaw.index, flaw.text));
        Ok(Self { identity: read().map_err(wrong)? })
    }
}

/// The setting that gave the file.
fn setting(part: Part) -> &'static str {
    match part {
        Part::Certificate => "tls_cert",
        Part::Key => "tls_key",
        Part::Password => "tls_key_password",
        Part::ClientCa => "tls_client_ca",
        Part::ClientCrl => "tls_client_crl",
        Part::Ocsp => "tls_ocsp",
    }
}
