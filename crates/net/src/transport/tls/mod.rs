//! TLS: certificates, keys and what follows from them, for all connections of a server. Only this
//! directory knows rustls.
//!
//! * `source` the certificates of now · `materials` what they are made of
//! * `session` one connection · `secured` what was agreed on it
//! * `files` what PEM holds · `names` which certificate a client gets · `clients` theirs
//! * `ocsp` what goes out with them
//! * `tickets` with which sessions are resumed · `facts` what a certificate says

mod clients;
pub mod facts;
mod files;
mod materials;
mod names;
mod ocsp;
mod secured;
mod session;
mod source;
pub mod tickets;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::{self, cipher_suite as suites};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{version, Error, InconsistentKeys, ServerConfig, SupportedCipherSuite};

pub use self::clients::Authorities;
pub use self::files::Pair;
pub use self::materials::Materials;
use self::names::Chooser;
pub use self::ocsp::Staple;
use self::secured::Kept;
pub use self::secured::{Secured, Shown};
pub use self::session::{Opened, Session};
pub use self::source::Source;
use self::tickets::Tickets;

/// Tickets that a client of TLS 1.3 gets: each is good for one connection, and browsers open more.
const TICKETS: usize = 2;

/// The best first. AES with 128 bits and SHA-256 are as far out of reach as what is longer, and take
/// half the time: processors have instructions for both, and for SHA-384 few do.
const SUITES: [SupportedCipherSuite; 9] = [
    suites::TLS13_AES_128_GCM_SHA256,
    suites::TLS13_AES_256_GCM_SHA384,
    suites::TLS13_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Which file is wrong, and how.
#[derive(Debug)]
pub struct Flaw {
    pub part: Part,
    /// Which of several.
    pub index: usize,
    pub text: String,
}

/// What a file was given as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Certificate,
    Key,
    Password,
    ClientCa,
    ClientCrl,
    Ocsp,
}

impl Part {
    fn flaw(self, text: impl Into<String>) -> Flaw {
        Flaw { part: self, index: 0, text: text.into() }
    }
}

/// What the settings say beyond the files.
#[derive(Clone, Debug)]
pub struct Options {
    /// TLS 1.3 alone.
    pub newest_only: bool,
    /// How long a key of tickets is used; none are given out if that is 0.
    pub ticket_rotation: Duration,
    /// Clients may come without a certificate.
    pub clients_optional: bool,
    /// Those that ALPN (RFC 7301) may choose from, the best first.
    pub protocols: Vec<Vec<u8>>,
}

/// Certificates, keys and what else is the same for all connections of a server.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    config: Arc<ServerConfig>,
    /// By the order they were given.
    shown: Vec<Arc<Shown>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity") // it has keys
    }
}

impl Identity {
    pub fn new(materials: &Materials, options: &Options) -> Result<Self, Flaw> {
        let provider = Arc::new(CryptoProvider {
            cipher_suites: SUITES.to_vec(),
            ..aws_lc_rs::default_provider()
        });
        let mut chooser = Chooser::default();
        for (index, pair) in materials.pairs.iter().enumerate() {
            let key = certified(pair, &provider).map_err(|flaw| Flaw { index, ..flaw })?;
            chooser.add(key);
        }
        for (index, staple) in materials.staples.iter().enumerate() {
            chooser.staple(staple).map_err(|flaw| Flaw { index, ..flaw })?;
        }
        let verifier = match &materials.authorities {
            Some(authorities) => {
                authorities.verifier(options.clients_optional, provider.clone())?
            }
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let versions: &[_] = if options.newest_only {
            &[&version::TLS13]
        } else {
            &[&version::TLS13, &version::TLS12]
        };
        let unusable = |error: Error| Part::Certificate.flaw(format!("can't be used: {error}"));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(unusable)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(chooser));
        config.ignore_client_order = true;
        config.alpn_protocols = options.protocols.clone();
        config.session_storage = Arc::new(NoServerSessionStorage {}); // tickets do without
        config.send_tls13_tickets = 0;
        if !options.ticket_rotation.is_zero() {
            let rules = materials.authorities.as_ref().map(|a| a.rules(options.clients_optional));
            let tickets = Tickets::new(options.ticket_rotation, rules.unwrap_or_default());
            config.ticketer = Arc::new(tickets);
            config.send_tls13_tickets = TICKETS;
        }
        let shown = |pair: &Pair| {
            let chain = pair.chain.iter().map(|der| der.to_vec()).collect();
            Arc::new(Shown { chain, kept: Kept::default() })
        };
        let shown = materials.pairs.iter().map(shown).collect();
        Ok(Self(Arc::new(Inner { config: Arc::new(config), shown })))
    }

    fn config(&self) -> Arc<ServerConfig> {
        self.0.config.clone()
    }

    fn chains(&self) -> Vec<Vec<Vec<u8>>> {
        self.0.shown.iter().map(|shown| shown.chain.clone()).collect()
    }

    fn shown(&self, at: usize) -> Option<Arc<Shown>> {
        self.0.shown.get(at).cloned()
    }
}

fn certified(pair: &Pair, provider: &CryptoProvider) -> Result<CertifiedKey, Flaw> {
    let unusable = |error| Part::Key.flaw(format!("has a key that can't be used: {error}"));
    let key = provider.key_provider.load_private_key(pair.key.clone_key()).map_err(unusable)?;
    let certified = CertifiedKey::new(pair.chain.clone(), key);
    match certified.keys_match() {
        // Some kinds of keys can't tell their public half.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => {
            Err(Part::Key.flaw("does not belong to the certificate"))
        }
        Err(error) => Err(Part::Certificate.flaw(format!("has a malformed certificate: {error}"))),
    }
}
