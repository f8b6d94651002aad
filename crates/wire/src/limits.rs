//! How much of anything a peer may send before it is refused.

/// The hard ceiling of `fields`: header slots live on the stack.
pub const MAX_FIELDS: usize = 1000;

/// Longest chunk-size line, extensions included (RFC 9112 §7.1.1 leaves it to us).
pub const CHUNK_LINE: usize = 256;

/// All chunk extensions of one body together: CVE-2023-39326 showed what "no limit" costs.
pub const CHUNK_EXTENSIONS: usize = 4 * 1024;

/// Sizes are in bytes. Each limit has its own status, see [`crate::reject::Reject`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Request line and header section together; the trailer section has the same limit.
    pub head: usize,
    /// Number of header fields, at most [`MAX_FIELDS`].
    pub fields: usize,
    /// The request target; RFC 9110 §4.1 recommends at least 8000.
    pub target: usize,
    /// The request body; 0 means any size.
    pub body: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 64 * 1024, fields: 100, target: 16 * 1024, body: 0 }
    }
}
