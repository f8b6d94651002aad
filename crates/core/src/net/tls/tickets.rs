//! Tickets with which clients resume sessions (RFC 5077, RFC 8446 §2.2), on any worker.
//!
//! ```text
//!   chain₀ ──► chain₁ ──► chain₂ …      one step per interval; what is behind is forgotten
//!      │          │          │
//!   secret₀    secret₁    secret₂       this interval's and the last are kept
//! ```
//!
//! The chain begins with a random number in the process that forks the workers. All of them take the
//! same steps at the same times without a word; whoever learns the chain can't walk it back, so old
//! sessions stay secret.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, CHACHA20_POLY1305, NONCE_LEN};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;

const NAME_LEN: usize = 16;
/// More than a ticket with the longest chain of a client has.
const MOST: usize = 64 * 1024;
/// RFC 8446 §4.6.1.
const LONGEST_LIFE: u64 = 7 * 24 * 3600;

type Secret = [u8; 32];

/// One for this process and its workers, also after a reload.
static CHAIN: Mutex<Option<Chain>> = Mutex::new(None);

struct Chain {
    interval: Duration,
    start: Instant,
    /// Which interval is this?
    number: u64,
    link: Secret,
    secrets: Secrets,
}

/// What keys are made of, in this interval and in the last.
#[derive(Clone, Copy)]
struct Secrets {
    current: Secret,
    last: Option<Secret>,
}

impl Chain {
    fn begin(interval: Duration) -> Option<Self> {
        let mut link = Secret::default();
        SystemRandom::new().fill(&mut link).ok()?;
        let secrets = Secrets { current: derive(&link, &[b"secret"]), last: None };
        Some(Self { interval, start: Instant::now(), number: 0, link, secrets })
    }

    fn number_at(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_millis();
        (passed / self.interval.as_millis().max(1)) as u64
    }

    /// Goes to the interval of `now`.
    fn advance(&mut self, now: Instant) {
        while self.number < self.number_at(now) {
            self.number += 1;
            self.link = derive(&self.link, &[b"link"]);
            self.secrets.last = Some(self.secrets.current);
            self.secrets.current = derive(&self.link, &[b"secret"]);
        }
    }
}

fn derive(secret: &Secret, labels: &[&[u8]]) -> Secret {
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, secret));
    for label in labels {
        context.update(label);
    }
    let mut derived = Secret::default();
    derived.copy_from_slice(context.sign().as_ref());
    derived
}

/// Seals and opens tickets.
pub(super) struct Tickets {
    interval: Duration,
    /// A ticket is good only where clients are verified by the same rules: a session that is resumed
    /// does not verify its client again.
    rules: Vec<u8>,
    keys: Mutex<Option<Keys>>,
}

struct Keys {
    number: u64,
    current: Arc<Key>,
    last: Option<Arc<Key>>,
}

struct Key {
    name: [u8; NAME_LEN],
    cipher: LessSafeKey,
}

impl Key {
    fn new(secret: &Secret, rules: &[u8]) -> Option<Self> {
        let mut name = [0; NAME_LEN];
        name.copy_from_slice(&derive(secret, &[b"name", rules])[..NAME_LEN]);
        let key = derive(secret, &[b"key", rules]);
        let cipher = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &key).ok()?);
        Some(Self { name, cipher })
    }

    /// Name, nonce, then the sealed message.
    fn seal(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = message.to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.cipher.seal_in_place_append_tag(unique, Aad::from(self.name), &mut sealed).ok()?;
        Some([&self.name[..], &nonce, &sealed].concat())
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = ticket.strip_prefix(&self.name)?.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut message = sealed.to_vec();
        let len = self.cipher.open_in_place(nonce, Aad::from(self.name), &mut message).ok()?.len();
        message.truncate(len);
        Some(message)
    }
}

impl Tickets {
    pub(super) fn new(interval: Duration, rules: Vec<u8>) -> Self {
        let mut chain = CHAIN.lock().unwrap_or_else(PoisonError::into_inner);
        if chain.as_ref().is_none_or(|chain| chain.interval != interval) {
            *chain = Chain::begin(interval);
        }
        Self { interval, rules, keys: Mutex::new(None) }
    }

    /// The keys of now.
    fn keys(&self) -> Option<(Arc<Key>, Option<Arc<Key>>)> {
        let mut chain = CHAIN.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = chain.as_mut()?;
        chain.advance(Instant::now());
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.as_ref().is_none_or(|keys| keys.number != chain.number) {
            let key = |secret: &Secret| Key::new(secret, &self.rules).map(Arc::new);
            *keys = Some(Keys {
                number: chain.number,
                current: key(&chain.secrets.current)?,
                last: chain.secrets.last.as_ref().and_then(key),
            });
        }
        keys.as_ref().map(|keys| (keys.current.clone(), keys.last.clone()))
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        (self.interval.as_secs().saturating_mul(2)).clamp(1, LONGEST_LIFE) as u32
    }

    fn encrypt(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.keys()?.0.seal(message)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > MOST {
            return None;
        }
        let (current, last) = self.keys()?;
        current.open(ticket).or_else(|| last?.open(ticket))
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}
