//! Text checked for UTF-8 as it streams: wrong as soon as no continuation could make it right.

/// The beginning of a character whose rest has not come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    begun: [u8; 4],
    len: u8,
}

impl Utf8 {
    /// Goes on with `bytes`; false if the text can't be UTF-8 any more.
    pub fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while self.len > 0 {
            let Some((&next, rest)) = bytes.split_first() else { return true };
            self.begun[self.len as usize] = next;
            self.len += 1;
            bytes = rest;
            match std::str::from_utf8(&self.begun[..self.len as usize]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let rest = &bytes[error.valid_up_to()..];
                self.begun[..rest.len()].copy_from_slice(rest);
                self.len = rest.len() as u8;
                true
            }
        }
    }

    /// Does the text end with a whole character?
    pub fn is_whole(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the text is found wrong, or whether it is whole.
    fn bytewise(text: &[u8]) -> Result<bool, usize> {
        let mut check = Utf8::default();
        for (at, byte) in text.iter().enumerate() {
            if !check.feed(&[*byte]) {
                return Err(at);
            }
        }
        Ok(check.is_whole())
    }

    #[test]
    fn every_split_gives_the_same() {
        let texts: [&[u8]; 6] = [
            "κόσμε".as_bytes(),
            "a😀b".as_bytes(),
            b"\xf4\x90\x80\x80",
            b"\xed\xa0\x80",
            b"\xc3",
            b"ab",
        ];
        for text in texts {
            let seen = bytewise(text);
            for at in 0..=text.len() {
                let mut check = Utf8::default();
                let fine = check.feed(&text[..at]) && check.feed(&text[at..]);
                assert_eq!(fine.then(|| check.is_whole()), seen.ok(), "{text:?} at {at}");
            }
        }
    }

    #[test]
    fn wrong_at_the_first_byte_that_shows_it() {
        assert_eq!(bytewise(b"a\xf4\x90"), Err(2));
        assert_eq!(bytewise(b"\xed\xa0"), Err(1));
        assert_eq!(bytewise(b"\xe0\x80"), Err(1));
        assert_eq!(bytewise(b"ab\xff"), Err(2));
        assert_eq!(bytewise(b"\xe2\x82"), Ok(false));
    }
}
