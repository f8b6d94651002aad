//! Certificates of clients: who may show one, and who must.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::RootCertStore;

use super::files::read_certificates;
use super::{Flaw, Part};

/// Who vouches for clients.
#[derive(Debug, Default)]
pub struct Authorities {
    pub(super) roots: Vec<CertificateDer<'static>>,
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Authorities {
    /// From PEM: certificates of authorities, and their lists of revoked certificates.
    pub fn read(roots: &[u8], revoked: Option<&[u8]>) -> Result<Self, Flaw> {
        let malformed = |part: Part| move |error| part.flaw(format!("is not PEM: {error}"));
        let roots = read_certificates(roots).map_err(malformed(Part::ClientCa))?;
        if roots.is_empty() {
            let text = "has no certificate in PEM (-----BEGIN CERTIFICATE-----)";
            return Err(Part::ClientCa.flaw(text));
        }
        let Some(revoked) = revoked else { return Ok(Self { roots, revoked: Vec::new() }) };
        let lists: Result<Vec<_>, _> =
            CertificateRevocationListDer::pem_slice_iter(revoked).collect();
        let revoked = lists.map_err(malformed(Part::ClientCrl))?;
        if revoked.is_empty() {
            let text = "has no list in PEM (-----BEGIN X509 CRL-----)";
            return Err(Part::ClientCrl.flaw(text));
        }
        Ok(Self { roots, revoked })
    }

    /// A digest of the rules by which clients are verified.
    pub(super) fn rules(&self, is_optional: bool) -> Vec<u8> {
        let mut digest = digest::Context::new(&digest::SHA256);
        digest.update(&[u8::from(is_optional)]);
        for der in
            self.roots.iter().map(AsRef::as_ref).chain(self.revoked.iter().map(AsRef::as_ref))
        {
            let der: &[u8] = der;
            digest.update(&der.len().to_le_bytes());
            digest.update(der);
        }
        digest.finish().as_ref().to_vec()
    }

    /// Verifies clients; with a list of revoked certificates, the whole chain has to be on one that
    /// is not out of date, as nginx and Apache have it.
    pub(super) fn verifier(
        &self,
        is_optional: bool,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Flaw> {
        let mut store = RootCertStore::empty();
        for root in &self.roots {
            let unusable = |error| {
                Part::ClientCa.flaw(format!("has a certificate that can't be used: {error}"))
            };
            store.add(root.clone()).map_err(unusable)?;
        }
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
            .with_crls(self.revoked.iter().cloned())
            .enforce_revocation_expiration();
        if is_optional {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|error| Part::ClientCrl.flaw(format!("can't be used: {error}")))
    }
}
