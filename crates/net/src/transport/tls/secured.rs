//! What was agreed in a handshake: which certificates, which version, which cipher.

use std::any::Any;
use std::sync::{Arc, OnceLock};

/// Something that another layer makes of the value it is in, once.
#[derive(Default)]
pub struct Kept(OnceLock<Box<dyn Any + Send + Sync>>);

impl Kept {
    /// What is kept; made by `make` if there is nothing yet. None if it is of another type.
    pub fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

/// A certificate of ours.
pub struct Shown {
    /// With those that lead to its authority, in DER.
    pub chain: Vec<Vec<u8>>,
    pub kept: Kept,
}

/// How a connection is secured. Shared by all that goes over it.
pub struct Secured {
    /// Numbers of RFC 8446: 0x0303 for TLS 1.2, 0x0304 for 1.3.
    pub version: u16,
    pub suite: u16,
    /// The name the client asked for.
    pub server_name: Option<String>,
    /// The certificate that it was shown.
    pub shown: Option<Arc<Shown>>,
    /// The certificate that it has shown, which was verified, and those behind it, in DER.
    pub client_chain: Vec<Vec<u8>>,
    pub kept: Kept,
}

impl Secured {
    /// The version as OpenSSL calls it.
    pub fn protocol(&self) -> &'static str {
        match self.version {
            0x0303 => "TLSv1.2",
            _ => "TLSv1.3",
        }
    }

    /// The cipher suite as OpenSSL calls it.
    pub fn cipher(&self) -> &'static str {
        match self.suite {
            0x1301 => "TLS_AES_128_GCM_SHA256",
            0x1302 => "TLS_AES_256_GCM_SHA384",
            0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
            0xc02b => "ECDHE-ECDSA-AES128-GCM-SHA256",
            0xc02c => "ECDHE-ECDSA-AES256-GCM-SHA384",
            0xc02f => "ECDHE-RSA-AES128-GCM-SHA256",
            0xc030 => "ECDHE-RSA-AES256-GCM-SHA384",
            0xcca8 => "ECDHE-RSA-CHACHA20-POLY1305",
            0xcca9 => "ECDHE-ECDSA-CHACHA20-POLY1305",
            _ => "unknown",
        }
    }
}
