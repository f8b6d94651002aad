//! The requests that a worker's application has right now, as its slot of the scoreboard shows them.
//!
//! A table of fixed size in shared memory. Only the worker writes it; the supervisor reads it when
//! the worker hangs or has died. A version says whether an entry was written anew under the
//! reader's eyes; all of it is atomics, so the worst that a reader can see is nonsense it discards.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{fence, Ordering};

use crate::observe::scoreboard::Count;

/// Requests in the table at the most, the bits of a word; those beyond are not shown.
const PLACES: usize = 64;
/// Bytes of method and path that are kept, a multiple of 8.
const TEXT: usize = 96;
/// `Entry::facts`: the port in the low bits, then the length of the text, then if there is a peer.
const LENGTH: u32 = 16;
const HAS_PEER: u64 = 1 << 32;

/// The place of a request, or that it has none.
#[derive(Clone, Copy, Default)]
pub struct Place(Option<u8>);

/// One request as it was read.
pub struct Listed {
    /// Method and path, cut to 96 bytes, without the query: that may have secrets.
    pub request: String,
    /// None on a unix socket.
    pub client: Option<SocketAddr>,
    /// Milliseconds of CLOCK_MONOTONIC when its head had come.
    pub started: u64,
}

#[derive(Default)]
struct Entry {
    /// Odd while it is written.
    version: Count,
    started: Count,
    facts: Count,
    address: [Count; 2],
    text: [Count; TEXT / 8],
}

pub struct Table {
    /// A bit for each entry that is in use.
    used: Count,
    entries: [Entry; PLACES],
}

impl Default for Table {
    fn default() -> Self {
        Self { used: Count::default(), entries: std::array::from_fn(|_| Entry::default()) }
    }
}

impl Table {
    /// Shows a request, if there is room. `head` is as it came from the client.
    pub fn show(&self, head: &[u8], peer: Option<SocketAddr>, started: u64) -> Place {
        let used = self.used.get();
        let at = used.trailing_ones();
        let Some(entry) = self.entries.get(at as usize) else { return Place(None) };
        entry.write(method_and_path(head), peer, started);
        self.used.set(used | 1 << at);
        Place(Some(at as u8))
    }

    /// The request is over.
    pub fn hide(&self, place: &mut Place) {
        if let Some(at) = place.0.take() {
            self.used.set(self.used.get() & !(1 << at));
        }
    }

    /// Those in the table, the oldest first.
    pub fn read(&self) -> Vec<Listed> {
        let used = self.used.get();
        let in_use = self.entries.iter().enumerate().filter(|(at, _)| used >> at & 1 == 1);
        let mut all: Vec<Listed> = in_use.filter_map(|(_, entry)| entry.read()).collect();
        all.sort_by_key(|shown| shown.started);
        all
    }

    pub fn clear(&self) {
        self.used.set(0);
    }
}

impl Entry {
    fn write(&self, text: &[u8], peer: Option<SocketAddr>, started: u64) {
        self.version.add();
        fence(Ordering::Release);
        let (high, low, port) = peer.map_or((0, 0, 0), |peer| {
            let bits = match peer.ip() {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
                IpAddr::V6(v6) => v6.to_bits(),
            };
            ((bits >> 64) as u64, bits as u64, HAS_PEER | u64::from(peer.port()))
        });
        self.started.set(started);
        self.facts.set(port | (text.len() as u64) << LENGTH);
        self.address[0].set(high);
        self.address[1].set(low);
        for (word, bytes) in self.text.iter().zip(text.chunks(8)) {
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            word.set(u64::from_le_bytes(whole));
        }
        fence(Ordering::Release);
        self.version.add();
    }

    /// None if it is being written.
    fn read(&self) -> Option<Listed> {
        let version = self.version.get();
        fence(Ordering::Acquire);
        let started = self.started.get();
        let facts = self.facts.get();
        let bits = u128::from(self.address[0].get()) << 64 | u128::from(self.address[1].get());
        let text: Vec<u8> = self.text.iter().flat_map(|word| word.get().to_le_bytes()).collect();
        fence(Ordering::Acquire);
        if version % 2 == 1 || self.version.get() != version {
            return None;
        }
        let length = (facts >> LENGTH) as usize & 0xffff;
        let ip = IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical();
        Some(Listed {
            request: text.get(..length)?.iter().map(visible).collect(),
            client: (facts & HAS_PEER != 0).then(|| SocketAddr::new(ip, facts as u16)),
            started,
        })
    }
}

/// Whoever has the memory may have written what a terminal would obey.
fn visible(byte: &u8) -> char {
    if matches!(byte, b' '..=b'~') {
        char::from(*byte)
    } else {
        '?'
    }
}

/// `GET /path` of a request head, cut to what an entry has room for.
fn method_and_path(head: &[u8]) -> &[u8] {
    let head = head.trim_ascii_start(); // an empty line may come first (RFC 9112 §2.2)
    let start = &head[..head.len().min(TEXT)];
    let method = memchr::memchr(b' ', start).map_or(start.len(), |at| at + 1);
    let path = &start[method..];
    let end = memchr::memchr3(b' ', b'?', b'\r', path).unwrap_or(path.len());
    &start[..method + end]
}
