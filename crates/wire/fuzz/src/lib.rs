//! What the fuzzer chose: the limits, the cuts and the bytes, read from the start of its input.
//!
//! ```text
//!   byte 0         bits 0-1 which limits, bits 2-4 number of cuts, bits 5-7 for the target
//!   2 bytes each   the cuts, big-endian
//!   the rest       what the peer sends
//! ```

use tricorn_wire::limits::Limits;

/// One input, taken apart.
pub struct Plan<'a> {
    pub limits: Limits,
    /// For the target to use, 0 to 7.
    pub spare: u8,
    /// In order, within `bytes`, the end of `bytes` last.
    pub cuts: Vec<usize>,
    pub bytes: &'a [u8],
}

/// Reads a plan; `None` when the input is too short for one.
pub fn plan(input: &[u8]) -> Option<Plan<'_>> {
    let (&control, rest) = input.split_first()?;
    let (places, bytes) = rest.split_at_checked(2 * usize::from(control >> 2 & 7))?;
    let within = |pair: &[u8]| usize::from(pair[0]) << 8 | usize::from(pair[1]);
    let mut cuts: Vec<usize> =
        places.chunks(2).map(|pair| within(pair) % (bytes.len() + 1)).collect();
    cuts.push(bytes.len());
    cuts.sort_unstable();
    Some(Plan { limits: limits(control & 3), spare: control >> 5, cuts, bytes })
}

/// The default limits, and some that short inputs reach.
fn limits(choice: u8) -> Limits {
    match choice {
        0 | 1 => Limits::default(),
        2 => Limits { head: 256, fields: 4, target: 64, body: 100 },
        _ => Limits { head: 90, fields: 2, target: 80, body: 0 },
    }
}

/// Two ends of a piece for each piece.
pub fn pieces(cuts: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    [0].iter().chain(cuts).copied().zip(cuts.iter().copied())
}

/// Cuts that leave every byte alone; `None` for an input that would take too long that way.
pub fn every_byte(length: usize) -> Option<Vec<usize>> {
    (length <= 512).then(|| (1..=length).collect())
}
