//! How urgent a response is (RFC 9218): `u=3, i`.

/// The lower the urgency, the sooner; responses of the same urgency come one after the other, or
/// side by side if they are incremental.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority {
    /// 0 to 7.
    pub urgency: u8,
    pub incremental: bool,
}

impl Default for Priority {
    fn default() -> Self {
        Self { urgency: 3, incremental: false }
    }
}

impl Priority {
    /// Reads the value of a `priority` field; what is not understood stands for the default
    /// (RFC 9218 section 4).
    pub fn parse(value: &[u8]) -> Self {
        let mut priority = Self::default();
        for member in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            let member = member.split(|&byte| byte == b';').next().unwrap_or(b"");
            match member.trim_ascii_end() {
                [b'u', b'=', digit @ b'0'..=b'7'] => priority.urgency = digit - b'0',
                b"i" | b"i=?1" => priority.incremental = true,
                b"i=?0" => priority.incremental = false,
                _ => {}
            }
        }
        priority
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_field() {
        let read = |text: &str| {
            let Priority { urgency, incremental } = Priority::parse(text.as_bytes());
            (urgency, incremental)
        };
        assert_eq!(read(""), (3, false));
        assert_eq!(read("u=0"), (0, false));
        assert_eq!(read("u=5, i"), (5, true));
        assert_eq!(read("i=?1;x=1 , u=7;y"), (7, true));
        assert_eq!(read("i, i=?0"), (3, false));
        assert_eq!(read("u=8"), (3, false));
        assert_eq!(read("u=-1, i=2, z"), (3, false));
    }
}
