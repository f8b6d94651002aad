//! What has come on one connection and is not consumed.

/// Bytes in order, from `at` on.
#[derive(Default)]
pub struct Input {
    pub(crate) bytes: Vec<u8>,
    /// How much of them is consumed.
    pub(crate) at: usize,
    /// How much of what is not consumed has been searched for the end of a head.
    pub(crate) scanned: usize,
}

impl Input {
    pub fn pending(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// All of it.
    pub fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.drain(..std::mem::take(&mut self.at));
        bytes
    }

    pub fn append(&mut self, bytes: &[u8]) {
        self.compact();
        self.bytes.extend_from_slice(bytes);
    }

    /// Forgets what is consumed, and its memory once nothing else is there.
    pub fn compact(&mut self) {
        if self.at == 0 {
            return;
        }
        if self.is_empty() {
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..self.at);
        }
        self.at = 0;
    }

    pub fn compact_if_empty(&mut self) {
        if self.is_empty() {
            self.compact();
        }
    }
}
