//! Messages of the client, inflated as they stream, never beyond what a message may have.

use flate2::{Decompress, FlushDecompress, Status};

use super::super::Violation;
use super::{Agreed, History};

/// The end of every message that its sender leaves out (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Room is made in steps of this at first, then of as much as there is.
const STEP: usize = 1024;
/// States that are kept for later when nobody uses them.
const SPARE: usize = 4;
/// Final blocks in one message: each costs as much as a window, so beyond some they have to bring text.
const ENDS: usize = 4;
const BYTES_PER_END: usize = 1024;

const MALFORMED: Violation = Violation::Data("compressed data is malformed");

/// States that are free, for all connections of a reactor.
#[derive(Default)]
pub struct Inflaters(Vec<Decompress>);

impl Inflaters {
    fn take(&mut self) -> Decompress {
        match self.0.pop() {
            Some(mut state) => {
                state.reset(false);
                state
            }
            // The largest window takes what was made with a smaller one.
            None => Decompress::new_with_window_bits(false, 15),
        }
    }

    fn give(&mut self, state: Decompress) {
        if self.0.len() < SPARE {
            self.0.push(state);
        }
    }
}

/// The compressed messages of one client, one after the other.
pub struct Inflate {
    bits: u8,
    takes_over: bool,
    history: History,
    /// While a message is coming in.
    state: Option<Box<Decompress>>,
    /// Final blocks of that message so far, and its bytes.
    ends: usize,
    came: usize,
}

impl Inflate {
    pub fn new(agreed: Agreed) -> Self {
        Self {
            bits: agreed.their_bits,
            takes_over: agreed.they_take_over,
            history: History::default(),
            state: None,
            ends: 0,
            came: 0,
        }
    }

    /// Goes on with the message in `out`, which must not get longer than `most`.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        most: usize,
        pool: &mut Inflaters,
    ) -> Result<(), Violation> {
        let mut state = match self.state.take() {
            Some(state) => state,
            None => {
                (self.ends, self.came) = (0, 0);
                let mut state = Box::new(pool.take());
                know(&mut state, self.history.text())?;
                state
            }
        };
        self.came += bytes.len();
        self.run(&mut state, bytes, out, most)?;
        self.state = Some(state);
        Ok(())
    }

    /// The message is complete in `out`.
    pub fn end(
        &mut self,
        out: &mut Vec<u8>,
        most: usize,
        pool: &mut Inflaters,
    ) -> Result<(), Violation> {
        self.feed(&TAIL, out, most, pool)?;
        if let Some(state) = self.state.take() {
            pool.give(*state);
        }
        if self.takes_over {
            self.history.add(out, self.bits);
        }
        Ok(())
    }

    fn run(
        &mut self,
        state: &mut Decompress,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        most: usize,
    ) -> Result<(), Violation> {
        loop {
            if out.len() == out.capacity() {
                // One byte more than allowed shows that there is more.
                let room = out.len().max(STEP).min((most + 1).saturating_sub(out.len()));
                out.reserve_exact(room);
            }
            let (taken, had) = (state.total_in(), out.len());
            let status = state.decompress_vec(bytes, out, FlushDecompress::None);
            if out.len() > most {
                return Err(Violation::TooBig);
            }
            let status = status.map_err(|_| MALFORMED)?;
            let step = (state.total_in() - taken) as usize;
            bytes = &bytes[step..];
            let is_full = out.len() == out.capacity();
            if status == Status::StreamEnd {
                self.begin_anew(state, out)?;
            } else if !is_full && (bytes.is_empty() || (step == 0 && out.len() == had)) {
                return Ok(());
            }
            if bytes.is_empty() && !is_full {
                return Ok(());
            }
        }
    }

    /// RFC 7692 §7.2.3.4: a message may have a final block. What follows is a new stream that knows
    /// the text before it.
    fn begin_anew(&mut self, state: &mut Decompress, out: &[u8]) -> Result<(), Violation> {
        self.ends += 1;
        if self.ends > ENDS + self.came / BYTES_PER_END {
            return Err(MALFORMED);
        }
        let mut text = History::default();
        text.add(self.history.text(), 15);
        text.add(out, 15);
        state.reset(false);
        know(state, text.text())
    }
}

/// Makes the earlier text known.
fn know(state: &mut Decompress, text: &[u8]) -> Result<(), Violation> {
    if !text.is_empty() {
        state.set_dictionary(text).map_err(|_| MALFORMED)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated(message: &[u8]) -> Result<Vec<u8>, Violation> {
        let (our_bits, their_bits) = (15, 15);
        let agreed = Agreed { our_bits, their_bits, we_take_over: true, they_take_over: true };
        let (mut inflate, mut pool, mut out) =
            (Inflate::new(agreed), Inflaters::default(), Vec::new());
        inflate.feed(message, &mut out, 1 << 20, &mut pool)?;
        inflate.end(&mut out, 1 << 20, &mut pool)?;
        Ok(out)
    }

    /// A final block with text as it is (RFC 1951 section 3.2.4).
    fn final_block(text: &[u8]) -> Vec<u8> {
        let length = text.len() as u16;
        [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), text].concat()
    }

    #[test]
    fn final_blocks() {
        assert_eq!(inflated(&final_block(b"ab").repeat(4)), Ok(b"abababab".to_vec()));
        let long = inflated(&final_block(&[7; 1024]).repeat(16));
        assert_eq!(long.map(|text| text.len()), Ok(16 * 1024));
    }

    #[test]
    fn a_small_message_of_final_blocks_alone() {
        assert_eq!(inflated(&b"\x03\x00".repeat(16)), Err(MALFORMED));
    }
}
