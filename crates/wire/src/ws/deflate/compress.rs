//! Our messages, compressed one at a time by states that all connections share.

use flate2::{Compress, Compression, FlushCompress};

use super::{Agreed, History};

/// What every message ends with, and the receiver puts back (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Smaller messages are sent as they are: a packet has more around them than could be saved.
const LEAST: usize = 64;
const LEAST_BITS: u8 = 9;

/// A state for each size of window that was ever asked for.
#[derive(Default)]
pub struct Compressors {
    states: [Option<Box<Compress>>; 7],
    /// The last message.
    out: Vec<u8>,
}

/// What one client has been sent.
pub struct Deflate {
    bits: u8,
    takes_over: bool,
    history: History,
}

impl Deflate {
    pub fn new(agreed: Agreed) -> Self {
        Self { bits: agreed.our_bits, takes_over: agreed.we_take_over, history: History::default() }
    }

    /// The message compressed, or None if it is better sent as it is.
    pub fn compress<'p>(&mut self, message: &[u8], pool: &'p mut Compressors) -> Option<&'p [u8]> {
        if message.len() < LEAST {
            return None;
        }
        let bits = self.bits.clamp(LEAST_BITS, 15);
        let state = pool.states[usize::from(bits - LEAST_BITS)].get_or_insert_with(|| {
            Box::new(Compress::new_with_window_bits(Compression::new(6), false, bits))
        });
        state.reset();
        if !self.history.text().is_empty() {
            state.set_dictionary(self.history.text()).ok()?;
        }
        run(state, message, &mut pool.out)?;
        let end = pool.out.len().checked_sub(TAIL.len())?;
        if pool.out[end..] != TAIL || end >= message.len() {
            return None; // the client does not learn of it, so the history does not either
        }
        if self.takes_over {
            self.history.add(message, bits);
        }
        Some(&pool.out[..end])
    }
}

/// None if there is no progress, which a compressor with room always makes.
fn run(state: &mut Compress, message: &[u8], out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    out.shrink_to(64 * 1024);
    loop {
        out.reserve(message.len() / 4 + 256);
        let taken = state.total_in() as usize;
        let status = state.compress_vec(message.get(taken..)?, out, FlushCompress::Sync);
        status.ok()?;
        let done = state.total_in() as usize == message.len();
        if done && out.len() < out.capacity() {
            return Some(());
        }
    }
}
