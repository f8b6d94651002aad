//! What the files held, and as bytes for other processes: a list of tag, length and content.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::clients::Authorities;
use super::files::Pair;
use super::ocsp::Staple;

#[derive(Debug, Default)]
pub struct Materials {
    /// The first is for clients that ask for no name, or for one that nobody has.
    pub pairs: Vec<Pair>,
    /// Each for the certificate that it is about.
    pub staples: Vec<Staple>,
    /// Who vouches for clients, if any are asked.
    pub authorities: Option<Authorities>,
}

const KEY: u8 = b'k'; // ends a pair
const CERTIFICATE: u8 = b'c';
const STAPLE: u8 = b's';
const ROOT: u8 = b'r';
const REVOKED: u8 = b'v';

impl Materials {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |tag: u8, content: &[u8]| {
            bytes.push(tag);
            bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
            bytes.extend_from_slice(content);
        };
        for pair in &self.pairs {
            pair.chain.iter().for_each(|der| put(CERTIFICATE, der));
            put(KEY, pair.key.secret_der());
        }
        self.staples.iter().for_each(|staple| put(STAPLE, &staple.der));
        if let Some(authorities) = &self.authorities {
            authorities.roots.iter().for_each(|der| put(ROOT, der));
            authorities.revoked.iter().for_each(|der| put(REVOKED, der));
        }
        bytes
    }

    pub(super) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        let mut chain: Vec<CertificateDer<'static>> = Vec::new();
        while let Some((&tag, rest)) = bytes.split_first() {
            let (len, rest) = rest.split_first_chunk::<4>()?;
            let (content, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            let content = content.to_vec();
            match tag {
                CERTIFICATE => chain.push(content.into()),
                KEY => {
                    let key = PrivateKeyDer::try_from(content).ok()?;
                    found.pairs.push(Pair { chain: std::mem::take(&mut chain), key });
                }
                STAPLE => found.staples.push(Staple::read(&content).ok()?),
                ROOT => found.authorities.get_or_insert_default().roots.push(content.into()),
                REVOKED => found.authorities.get_or_insert_default().revoked.push(content.into()),
                _ => return None,
            }
            bytes = rest;
        }
        Some(found)
    }
}
