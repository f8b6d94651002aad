//! Certificates and their keys as Python holds them.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use tricorn_net::tls::facts::Facts;
use tricorn_net::tls::{Authorities, Flaw, Materials, Options, Pair, Part, Source, Staple};

/// Certificates, keys and the settings about TLS, checked. Survives a fork, so workers need not be
/// able to read the files.
#[pyclass(frozen, module = "tricorn._core")]
pub struct TlsContext {
    pub source: Arc<Source>,
}

/// What a certificate says; times are in seconds since 1970.
#[pyclass(frozen, get_all, module = "tricorn._core")]
pub struct Certificate {
    subject: String,
    issuer: String,
    names: Vec<String>,
    key: String,
    not_before: u64,
    not_after: u64,
}

impl From<Facts> for Certificate {
    fn from(facts: Facts) -> Self {
        let Facts { subject, issuer, names, key, not_before, not_after, .. } = facts;
        Self { subject, issuer, names, key, not_before, not_after }
    }
}

/// What is read of the section of settings, `tricorn.config.tls.Tls`.
#[derive(FromPyObject)]
struct Section {
    min_version: String,
    ticket_rotation: f64,
    client_auth: String,
}

impl Section {
    fn options(&self, protocols: Vec<Vec<u8>>) -> Options {
        Options {
            newest_only: self.min_version == "1.3",
            ticket_rotation: Duration::try_from_secs_f64(self.ticket_rotation).unwrap_or_default(),
            clients_optional: self.client_auth == "optional",
            protocols,
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
    /// From the settings and what is in their files; ALPN (RFC 7301) may choose from `protocols`.
    /// ValueError(setting, which of several, what is wrong); OSError.
    #[new]
    fn new(section: Section, protocols: Vec<Vec<u8>>, contents: Contents) -> PyResult<Self> {
        let options = section.options(protocols);
        let made = contents.read().and_then(|found| Source::new(&found, options));
        Ok(Self { source: Arc::new(made.map_err(wrong)??) })
    }

    /// What each certificate says, and those behind it; what can't be read is left out.
    fn chains(&self) -> Vec<Vec<Certificate>> {
        let read = |chain: &Vec<Vec<u8>>| {
            chain.iter().filter_map(|der| Facts::read(der)).map(Certificate::from).collect()
        };
        self.source.chains().iter().map(read).collect()
    }

    /// From now on this process can't `replace` them.
    fn only_read(&self) {
        self.source.only_read();
    }

    /// From now on these, in all processes that were forked from this one too. On an error nothing
    /// changes.
    fn replace(&self, contents: Contents) -> PyResult<()> {
        Ok(contents.read().and_then(|found| self.source.replace(&found)).map_err(wrong)??)
    }
}

fn wrong(flaw: Flaw) -> PyErr {
    PyValueError::new_err((setting(flaw.part), flaw.index, flaw.text))
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
