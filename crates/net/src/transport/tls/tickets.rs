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
//! sessions stay secret. That holds only if nobody stays behind: each reactor has its timer set for the
//! next step, the supervisor takes it too, and once more before each fork.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, CHACHA20_POLY1305, NONCE_LEN};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

const NAME_LEN: usize = 16;
/// More than a ticket with the longest chain of a client has.
const MOST: usize = 64 * 1024;
/// RFC 8446 §4.6.1.
const LONGEST_LIFE: u64 = 7 * 24 * 3600;

/// Overwritten when it is dropped. Never returned nor moved, since that would leave a copy behind.
type Secret = Zeroizing<[u8; 32]>;

/// One for this process and its workers, also after a reload.
static CHAIN: Mutex<Option<Chain>> = Mutex::new(None);

struct Chain {
    interval: Duration,
    start: Instant,
    /// Which interval is this?
    number: u64,
    secrets: Box<Secrets>,
    /// Those of this interval, by the rules that they are for.
    keys: Vec<(Vec<u8>, Keys)>,
}

/// In this order: a test finds it in memory by the one that follows from the other.
#[derive(Default)]
#[repr(C)]
struct Secrets {
    link: Secret,
    /// What keys are made of, in this interval and in the last.
    current: Secret,
    last: Option<Secret>,
}

impl Secrets {
    fn begin(&mut self) -> Option<()> {
        SystemRandom::new().fill(self.link.as_mut()).ok()?;
        derive(&self.link, b"secret", &mut self.current)
    }

    /// On a failure nothing changes.
    fn step(&mut self) -> Option<()> {
        let (mut link, mut current) = Default::default();
        derive(&self.link, b"link", &mut link)?;
        derive(&link, b"secret", &mut current)?;
        self.last.get_or_insert_default().copy_from_slice(self.current.as_ref());
        self.link.copy_from_slice(link.as_ref());
        self.current.copy_from_slice(current.as_ref());
        Some(())
    }
}

impl Chain {
    fn begin(interval: Duration) -> Option<Self> {
        let mut secrets = Box::<Secrets>::default();
        secrets.begin()?;
        Some(Self { interval, start: Instant::now(), number: 0, secrets, keys: Vec::new() })
    }

    /// Goes to the interval of now; says how long that lasts.
    fn advance(&mut self) -> Option<Duration> {
        let passed = self.start.elapsed().as_millis();
        let interval = self.interval.as_millis().max(1);
        while u128::from(self.number) < passed / interval {
            self.secrets.step()?;
            self.number += 1;
            self.keys.clear();
        }
        Some(Duration::from_millis((interval - passed % interval) as u64))
    }

    /// The keys of this interval where clients are verified by these rules.
    fn keys(&mut self, rules: &[u8]) -> Option<Keys> {
        if let Some((_, keys)) = self.keys.iter().find(|(of, _)| of == rules) {
            return Some(keys.clone());
        }
        let key = |secret: &Secret| Key::new(secret, rules).map(Arc::new);
        let last = self.secrets.last.as_ref().and_then(key);
        let keys = Keys { current: key(&self.secrets.current)?, last };
        self.keys.push((rules.to_vec(), keys.clone()));
        Some(keys)
    }
}

/// Takes the step that is due, and with it forgets what is older than the last interval. How long
/// until the next? None if there are no tickets.
pub fn rotate() -> Option<Duration> {
    chain().as_mut().and_then(Chain::advance)
}

fn chain() -> MutexGuard<'static, Option<Chain>> {
    CHAIN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn derive(secret: &Secret, label: &[u8], derived: &mut Secret) -> Option<()> {
    let key = hmac::Key::new(HMAC_SHA256, secret.as_ref());
    hmac::sign_to_buffer(&key, label, derived.as_mut()).ok().map(drop)
}

/// Seals and opens tickets.
pub(super) struct Tickets {
    interval: Duration,
    /// A ticket is good only where clients are verified by the same rules: a session that is resumed
    /// does not verify its client again.
    rules: Vec<u8>,
}

#[derive(Clone)]
struct Keys {
    current: Arc<Key>,
    last: Option<Arc<Key>>,
}

struct Key {
    name: [u8; NAME_LEN],
    cipher: LessSafeKey,
}

impl Key {
    fn new(secret: &Secret, rules: &[u8]) -> Option<Self> {
        let (mut key, mut name) = (Secret::default(), [0; NAME_LEN]);
        derive(secret, &[b"name", rules].concat(), &mut key)?;
        name.copy_from_slice(&key[..NAME_LEN]);
        derive(secret, &[b"key", rules].concat(), &mut key)?;
        let cipher = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).ok()?);
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
        let mut chain = chain();
        if chain.as_ref().is_none_or(|chain| chain.interval != interval) {
            *chain = Chain::begin(interval);
        }
        Self { interval, rules }
    }

    /// The keys of now.
    fn keys(&self) -> Option<Keys> {
        let mut chain = chain();
        let chain = chain.as_mut()?;
        chain.advance()?;
        chain.keys(&self.rules)
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
        self.keys()?.current.seal(message)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > MOST {
            return None;
        }
        let keys = self.keys()?;
        keys.current.open(ticket).or_else(|| keys.last?.open(ticket))
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}
