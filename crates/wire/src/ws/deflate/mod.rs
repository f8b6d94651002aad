//! permessage-deflate (RFC 7692): what is agreed on, and both directions of it.
//!
//! A connection keeps no zlib state between messages, which would be 40 KiB to inflate and 200 KiB
//! to deflate. It keeps the text that the next message may refer to, at most a window of it, and
//! gives that as a dictionary to one of the few states that all connections share.
//!
//! * [`offer`] what a client offers, and what of it is taken · [`inflate`] · [`compress`]

pub mod compress;
pub mod inflate;
pub mod offer;

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The window that our messages need, 9 to 15 bits.
    pub our_bits: u8,
    /// The window that the client's messages may use, 8 to 15 bits.
    pub their_bits: u8,
    /// Our messages refer to earlier ones.
    pub we_take_over: bool,
    /// The client's messages may refer to earlier ones.
    pub they_take_over: bool,
}

/// The end of the text so far, as much as a window has.
#[derive(Debug, Default)]
pub struct History(Vec<u8>);

impl History {
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    fn add(&mut self, text: &[u8], bits: u8) {
        let window = 1 << bits;
        let text = &text[text.len().saturating_sub(window)..];
        let surplus = (self.0.len() + text.len()).saturating_sub(window);
        self.0.drain(..surplus);
        if self.0.capacity() - self.0.len() < text.len() {
            let room = (2 * (self.0.len() + text.len())).min(window);
            self.0.reserve_exact(room - self.0.len());
        }
        self.0.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_never_longer_than_the_window() {
        let mut history = History::default();
        let mut all = Vec::new();
        for size in [0, 1, 100, 300, 511, 512, 513, 2000, 3, 510] {
            let text: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
            history.add(&text, 9);
            all.extend_from_slice(&text);
            assert_eq!(history.text(), &all[all.len().saturating_sub(512)..]);
            assert!(history.0.capacity() <= 512);
        }
    }
}
