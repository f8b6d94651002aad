//! What is in PEM files (RFC 7468): chains, and keys with or without a password.

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Flaw, Part};

/// A certificate with those that lead to its authority, and its key.
#[derive(Debug)]
pub struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Pair {
    /// From PEM; `password` is for the key.
    pub fn read(chain: &[u8], key: &[u8], password: Option<&[u8]>) -> Result<Self, Flaw> {
        Ok(Self { chain: read_chain(chain)?, key: read_key(key, password)? })
    }
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Flaw> {
    match read_certificates(pem) {
        Ok(chain) if chain.is_empty() => {
            Err(Part::Certificate.flaw("has no certificate in PEM (-----BEGIN CERTIFICATE-----)"))
        }
        Ok(chain) => Ok(chain),
        Err(error) => Err(Part::Certificate.flaw(format!("is not PEM: {error}"))),
    }
}

pub(super) fn read_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    CertificateDer::pem_slice_iter(pem).collect()
}

fn read_key(pem: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, Flaw> {
    if let Some(sealed) = sealed_key(pem) {
        return decrypt(&sealed, password);
    }
    if memchr::memmem::find(pem, b"Proc-Type: 4,ENCRYPTED").is_some() {
        return Err(Part::Key.flaw(
            "is encrypted in a form of before 2000, whose password is easily guessed; convert it \
             with: openssl pkcs8 -topk8 -in OLD -out NEW",
        ));
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        Part::Key.flaw(match error {
            PemError::NoItemsFound => {
                "has no private key in PEM (-----BEGIN PRIVATE KEY-----)".into()
            }
            error => format!("is not PEM: {error}"),
        })
    })
}

/// DER of a key in PKCS #8 with a password (RFC 5958 §3), if there is one.
fn sealed_key(pem: &[u8]) -> Option<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";
    let start = memchr::memmem::find(pem, BEGIN)?;
    let len = memchr::memmem::find(&pem[start..], END)?;
    // What says "private key" is read as one, and what it holds is told apart here.
    let inner = &pem[start + BEGIN.len()..start + len];
    let plain = [b"-----BEGIN PRIVATE KEY-----", inner, b"-----END PRIVATE KEY-----\n"].concat();
    PrivatePkcs8KeyDer::from_pem_slice(&plain).ok().map(|der| der.secret_pkcs8_der().to_vec())
}

/// With PBES2 (RFC 8018).
fn decrypt(sealed: &[u8], password: Option<&[u8]>) -> Result<PrivateKeyDer<'static>, Flaw> {
    let Some(password) = password else {
        return Err(Part::Key.flaw(
            "is encrypted; give its password (--tls-key-password-file, --tls-key-password)",
        ));
    };
    let sealed = EncryptedPrivateKeyInfoRef::try_from(sealed)
        .map_err(|error| Part::Key.flaw(format!("is encrypted in a way not known: {error}")))?;
    let plain = sealed.decrypt(password).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed) => {
            Part::Password.flaw("is not that of the key")
        }
        // A wrong password may look like a good one to the cipher, and give no key.
        pkcs8::Error::Asn1(_) | pkcs8::Error::KeyMalformed(_) => {
            Part::Password.flaw("is not that of the key")
        }
        error => Part::Key.flaw(format!("is encrypted in a way not known: {error}")),
    })?;
    Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
}
