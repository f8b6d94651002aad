//! The access line of a request that is refused before it was understood.

use std::net::SocketAddr;

use super::Asked;

/// Bytes of a first line that are shown.
const MOST: usize = 1024;

/// What is known of it.
pub struct Refused<'a> {
    /// See `first_line`.
    pub line: &'a [u8],
    pub client: Option<SocketAddr>,
}

/// The first line of input that begins where a request does, as far as it came and whatever it is.
pub fn first_line(input: &[u8]) -> &[u8] {
    let input = &input[..input.len().min(MOST)];
    let end = memchr::memchr2(b'\r', b'\n', input).unwrap_or(input.len());
    &input[..end]
}

impl Refused<'_> {
    pub(super) fn path(&self) -> Option<&[u8]> {
        self.target().map(|(path, _)| path)
    }

    pub(super) fn value(&self, asked: &Asked) -> Option<Vec<u8>> {
        let value = match asked {
            Asked::Remote => return Some(self.client?.ip().to_canonical().to_string().into()),
            Asked::RequestLine => Some(self.line).filter(|line| !line.is_empty()),
            Asked::Method => self.words().map(|[method, ..]| method),
            Asked::Path => self.path(),
            Asked::Query => self.target().map(|(_, query)| query),
            Asked::Protocol => self.words().map(|[.., protocol]| protocol),
            _ => None,
        };
        value.map(<[u8]>::to_vec)
    }

    /// Method, target and protocol, if there are three.
    fn words(&self) -> Option<[&[u8]; 3]> {
        let mut words = self.line.splitn(3, |&byte| byte == b' ');
        Some([words.next()?, words.next()?, words.next()?])
    }

    fn target(&self) -> Option<(&[u8], &[u8])> {
        let [_, target, _] = self.words()?;
        let path = memchr::memchr(b'?', target).unwrap_or(target.len());
        Some((&target[..path], target.get(path + 1..).unwrap_or_default()))
    }
}
