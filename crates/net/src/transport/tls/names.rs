//! Which certificate a client gets: by the name that it asks for (RFC 6066 §3) and by what it can
//! verify.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::SignatureScheme;
use webpki::EndEntityCert;
use x509_cert::der::Decode;
use x509_cert::Certificate;

use super::{Flaw, Part, Staple};
use crate::sys::unix_seconds;

thread_local! {
    /// Which certificate the handshake that this thread is in has chosen: rustls does not tell.
    static CHOSEN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Which certificate was chosen on this thread since it was last asked.
pub(super) fn take_chosen() -> Option<usize> {
    CHOSEN.take()
}

/// All certificates, and where those for a name are, in the order they were given.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    all: Vec<Arc<CertifiedKey>>,
    /// The same with what is stapled to them, and until when.
    stapled: HashMap<usize, (Arc<CertifiedKey>, u64)>,
    exact: HashMap<String, Vec<usize>>,
    /// By what follows the first label, which may be any (RFC 9525 §6.3).
    wildcard: HashMap<String, Vec<usize>>,
}

impl Chooser {
    pub(super) fn add(&mut self, key: CertifiedKey) {
        let at = self.all.len();
        for name in names(&key) {
            match name.strip_prefix("*.") {
                Some(parent) => self.wildcard.entry(parent.into()).or_default().push(at),
                None => self.exact.entry(name).or_default().push(at),
            }
        }
        self.all.push(Arc::new(key));
    }

    /// Finds the certificate that it is about.
    pub(super) fn staple(&mut self, staple: &Staple) -> Result<(), Flaw> {
        let is_its = |key: &Arc<CertifiedKey>| {
            let end = key.end_entity_cert().ok();
            let serial = end.and_then(|der| Certificate::from_der(der).ok());
            serial.is_some_and(|certificate| {
                staple.is_about(certificate.tbs_certificate().serial_number().as_bytes())
            })
        };
        let Some(at) = self.all.iter().position(is_its) else {
            return Err(Part::Ocsp.flaw("is about none of the certificates"));
        };
        let mut key = CertifiedKey::clone(&self.all[at]);
        key.ocsp = Some(staple.der.clone());
        self.stapled.insert(at, (Arc::new(key), staple.until));
        Ok(())
    }

    /// The first of those for the name that the client can verify, else the first of all.
    fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<usize> {
        let can_verify = |at: &usize| self.all[*at].key.choose_scheme(schemes).is_some();
        let named = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| parent);
            let wild = || parent.and_then(|parent| self.wildcard.get(parent));
            let mut exact = self.exact.get(&name).into_iter().flatten().copied();
            let mut wild = wild().into_iter().flatten().copied();
            exact.find(can_verify).or_else(|| wild.find(can_verify))
        });
        named.or_else(|| (0..self.all.len()).find(can_verify))
    }
}

impl ResolvesServerCert for Chooser {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let at = self.choose(hello.server_name(), hello.signature_schemes())?;
        CHOSEN.set(Some(at));
        match self.stapled.get(&at) {
            Some((stapled, until)) if unix_seconds() < *until => Some(stapled.clone()),
            _ => self.all.get(at).cloned(),
        }
    }
}

/// The DNS names of a certificate (subjectAltName), in lower case.
fn names(key: &CertifiedKey) -> Vec<String> {
    let Ok(end) = key.end_entity_cert() else { return Vec::new() };
    let Ok(parsed) = EndEntityCert::try_from(end) else { return Vec::new() };
    parsed.valid_dns_names().map(str::to_ascii_lowercase).collect()
}
