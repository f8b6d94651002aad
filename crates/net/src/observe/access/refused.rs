//! The access line of a request that is refused before it was understood.

use std::net::SocketAddr;

use super::{find_field, user, Asked};

/// Bytes of a first line that are shown.
const MOST: usize = 1024;

/// What is known of it.
pub struct Refused<'a> {
    /// Begins where the request does, as far as it came and whatever it is.
    input: &'a [u8],
    /// The first line of that. Where a client speaks TLS, it ends before what nobody can read.
    line: &'a [u8],
    client: Option<SocketAddr>,
}

impl<'a> Refused<'a> {
    pub fn new(input: &'a [u8], client: Option<SocketAddr>) -> Self {
        let start = &input[..input.len().min(MOST)];
        let end = memchr::memchr3(b'\r', b'\n', 0, start).unwrap_or(start.len());
        Self { input, line: &start[..end], client }
    }

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
            Asked::User => return user(&find_field(self.input, b"authorization")?),
            Asked::Field(name) => return find_field(self.input, name.as_bytes()),
            Asked::Text(_) | Asked::Id | Asked::Time | Asked::Variable(_) => None,
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
