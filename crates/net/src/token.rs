//! What connections and requests are called.

/// Names one connection for as long as it lives, and nothing afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub slot: u32,
    pub generation: u32,
}

impl Token {
    pub(crate) fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.slot as usize
    }

    pub(crate) fn unpack(packed: usize) -> Self {
        Self { slot: packed as u32, generation: (packed >> 32) as u32 }
    }
}

/// Names one request: a number of those of its connection. Whoever has it after the end of the request
/// finds nothing, and never the next one.
#[derive(Clone, Copy)]
pub struct Target {
    pub token: Token,
    pub seq: u32,
}
