//! The PROXY protocol, versions 1 and 2 (its specification, "proxy-protocol.txt" of HAProxy): what a
//! proxy sends first on a connection, to say who is at the other side.
//!
//! [`read`] looks at the bytes that have come so far, from the first one on, and asks for more until
//! the header is whole. A wrong byte is refused as soon as it is there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1, line end included.
const V1_MOST: usize = 107;
/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, command, family and length.
const V2_FIXED: usize = 16;
/// More than any proxy sends: two addresses and what it has to say of TLS.
pub const MOST: usize = 4096;

/// The versions that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    One,
    Two,
    Both,
}

/// Whose connection it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The proxy's own, to see if the server is well.
    Proxy,
    /// That of a client with this address and port.
    Client(SocketAddr),
    /// That of a client whose address the proxy can't tell: not known, or not of IP.
    Unknown,
}

/// What the client and the proxy spoke (`PP2_TYPE_SSL`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls<'b> {
    /// The client came over TLS.
    pub used: bool,
    /// It has shown a certificate, and that is valid.
    pub verified: bool,
    /// As `TLSv1.3`.
    pub version: Option<&'b [u8]>,
    /// The common name of the client's certificate.
    pub common_name: Option<&'b [u8]>,
    pub cipher: Option<&'b [u8]>,
}

/// A whole, valid header; slices of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'b> {
    /// Bytes of the header.
    pub len: usize,
    pub sender: Sender,
    pub tls: Tls<'b>,
    /// The host that the client asked for (`PP2_TYPE_AUTHORITY`), as SNI.
    pub authority: Option<&'b [u8]>,
    pub alpn: Option<&'b [u8]>,
}

/// Why there is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// What came is no header of a version that is understood.
    Missing,
    Malformed,
    TooLong,
    /// The checksum says that something was changed.
    Checksum,
}

impl Unreadable {
    /// What is wrong, for the log.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Missing => "it does not begin with a header of the PROXY protocol",
            Self::Malformed => "its header of the PROXY protocol is malformed",
            Self::TooLong => "its header of the PROXY protocol is too long",
            Self::Checksum => "the checksum of its header of the PROXY protocol is wrong",
        }
    }
}

/// Reads the header that `bytes` begin with; None while it is not whole.
pub fn read(bytes: &[u8], versions: Versions) -> Result<Option<Header<'_>>, Unreadable> {
    let begins = |start: &[u8]| {
        let length = start.len().min(bytes.len());
        bytes[..length] == start[..length]
    };
    if versions != Versions::Two && begins(b"PROXY ") {
        read_line(bytes)
    } else if versions != Versions::One && begins(SIGNATURE) {
        read_binary(bytes)
    } else {
        Err(Unreadable::Missing)
    }
}

fn read_line(bytes: &[u8]) -> Result<Option<Header<'_>>, Unreadable> {
    let window = &bytes[..bytes.len().min(V1_MOST)];
    let Some(lf) = memchr::memchr(b'\n', window) else {
        let full = window.len() == V1_MOST;
        return if full { Err(Unreadable::TooLong) } else { Ok(None) };
    };
    let line = window[..lf].strip_suffix(b"\r").ok_or(Unreadable::Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| Unreadable::Malformed)?;
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let sender = match words[..] {
        ["UNKNOWN", ..] => Sender::Unknown, // whatever follows is to be ignored
        ["TCP4", source, target, from, to] => {
            pair::<Ipv4Addr>(source, target, from, to).ok_or(Unreadable::Malformed)?
        }
        ["TCP6", source, target, from, to] => {
            pair::<Ipv6Addr>(source, target, from, to).ok_or(Unreadable::Malformed)?
        }
        _ => return Err(Unreadable::Malformed),
    };
    Ok(Some(Header { sender, ..Header::of(lf + 1) }))
}

/// The sender of a line, of which the target has to be right too.
fn pair<A>(source: &str, target: &str, from: &str, to: &str) -> Option<Sender>
where
    A: std::str::FromStr + Into<IpAddr>,
{
    let source: A = source.parse().ok()?;
    target.parse::<A>().ok()?;
    port(to)?;
    Some(Sender::Client(SocketAddr::new(source.into(), port(from)?)))
}

/// A decimal number without zeros ahead.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let padded = text.len() > 1 && text.starts_with('0');
    (plain && !padded).then(|| text.parse().ok())?
}

fn read_binary(bytes: &[u8]) -> Result<Option<Header<'_>>, Unreadable> {
    // What is known is judged at once, so that nobody waits for the rest of nonsense.
    let local = match bytes.get(SIGNATURE.len()) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(Unreadable::Malformed),
    };
    let family = match bytes.get(13) {
        None => return Ok(None),
        Some(&family @ (0x00 | 0x11 | 0x21 | 0x31)) => family,
        // The other way round nothing is a stream of bytes.
        Some(_) if local => 0x00,
        Some(_) => return Err(Unreadable::Malformed),
    };
    let Some(&[high, low]) = bytes.get(14..V2_FIXED) else { return Ok(None) };
    let len = V2_FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > MOST {
        return Err(Unreadable::TooLong);
    }
    let Some(whole) = bytes.get(..len) else { return Ok(None) };
    let rest = &whole[V2_FIXED..];
    if local {
        // The receiver has to skip the addresses; what comes behind them is of no use either.
        return Ok(Some(Header { sender: Sender::Proxy, ..Header::of(len) }));
    }
    let (sender, vectors) = match family {
        0x11 => take_v4(rest),
        0x21 => take_v6(rest),
        0x31 => rest.get(216..).map(|rest| (Sender::Unknown, rest)),
        _ => Some((Sender::Unknown, rest)),
    }
    .ok_or(Unreadable::Malformed)?;
    let mut header = Header { sender, ..Header::of(len) };
    header.take_vectors(whole, vectors)?;
    Ok(Some(header))
}

fn take_v4(rest: &[u8]) -> Option<(Sender, &[u8])> {
    let (addresses, rest) = rest.split_first_chunk::<12>()?;
    let source = Ipv4Addr::from(*addresses.first_chunk::<4>()?);
    let port = u16::from_be_bytes([addresses[8], addresses[9]]);
    Some((Sender::Client(SocketAddr::new(source.into(), port)), rest))
}

fn take_v6(rest: &[u8]) -> Option<(Sender, &[u8])> {
    let (addresses, rest) = rest.split_first_chunk::<36>()?;
    let source = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
    let port = u16::from_be_bytes([addresses[32], addresses[33]]);
    Some((Sender::Client(SocketAddr::new(source.into(), port)), rest))
}

impl<'b> Header<'b> {
    fn of(len: usize) -> Self {
        let tls = Tls::default();
        Self { len, sender: Sender::Unknown, tls, authority: None, alpn: None }
    }

    /// Takes in the type-length-value vectors behind the addresses.
    fn take_vectors(&mut self, whole: &[u8], mut rest: &'b [u8]) -> Result<(), Unreadable> {
        while let Some((kind, value, after)) = next_vector(rest)? {
            rest = after;
            match kind {
                0x01 => self.alpn = Some(value),
                0x02 => self.authority = Some(value),
                0x03 => check_sum(whole, value, whole.len() - after.len())?,
                0x20 => self.tls = read_tls(value)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Type, value, and what comes behind.
type Vector<'b> = (u8, &'b [u8], &'b [u8]);

fn next_vector(rest: &[u8]) -> Result<Option<Vector<'_>>, Unreadable> {
    match rest {
        [] => Ok(None),
        [kind, high, low, rest @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (value, after) = rest.split_at_checked(length).ok_or(Unreadable::Malformed)?;
            Ok(Some((*kind, value, after)))
        }
        _ => Err(Unreadable::Malformed),
    }
}

fn read_tls(value: &[u8]) -> Result<Tls<'_>, Unreadable> {
    const CLIENT_SSL: u8 = 1;
    const CLIENT_CERTIFICATE: u8 = 2 | 4; // of this connection, or of this session
    let (fixed, mut rest) = value.split_first_chunk::<5>().ok_or(Unreadable::Malformed)?;
    let [client, verify @ ..] = *fixed;
    let mut tls = Tls {
        used: client & CLIENT_SSL != 0,
        verified: client & CLIENT_CERTIFICATE != 0 && verify == [0; 4],
        ..Tls::default()
    };
    while let Some((kind, value, after)) = next_vector(rest)? {
        rest = after;
        match kind {
            0x21 => tls.version = Some(value),
            0x22 => tls.common_name = Some(value),
            0x23 => tls.cipher = Some(value),
            _ => {}
        }
    }
    Ok(tls)
}

/// The checksum, which ends at `end` of the header, is of the header with zeros in its place.
fn check_sum(whole: &[u8], value: &[u8], end: usize) -> Result<(), Unreadable> {
    let given: [u8; 4] = value.try_into().map_err(|_| Unreadable::Malformed)?;
    let state = crc32c(!0, &whole[..end - 4]);
    let state = crc32c(state, &[0; 4]);
    let state = crc32c(state, &whole[end..]);
    if !state == u32::from_be_bytes(given) {
        Ok(())
    } else {
        Err(Unreadable::Checksum)
    }
}

/// CRC-32C (RFC 9260 appendix A), the state before and after it.
fn crc32c(state: u32, bytes: &[u8]) -> u32 {
    const REVERSED: u32 = 0x82f6_3b78;
    bytes.iter().fold(state, |state, &byte| {
        (0..8).fold(state ^ u32::from(byte), |state, _| {
            (state >> 1) ^ (REVERSED & (state & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads at every length: nothing before the last byte, or a fault that stays.
    fn all_ways(bytes: &[u8], versions: Versions) -> Result<Option<Header<'_>>, Unreadable> {
        let whole = read(bytes, versions);
        for length in 0..bytes.len() {
            match (read(&bytes[..length], versions), whole) {
                (Ok(None), _) => {}
                (early @ Err(_), _) => assert_eq!(early, whole, "at {length}"),
                (early, Ok(Some(header))) if length >= header.len => assert_eq!(early, whole),
                (early, _) => panic!("{early:?} at {length}"),
            }
        }
        whole
    }

    fn sender(line: &str) -> Result<Sender, Unreadable> {
        let header = all_ways(line.as_bytes(), Versions::Both)?.expect("whole");
        assert_eq!(header.len, line.find("\r\n").expect("a line") + 2);
        Ok(header.sender)
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [SIGNATURE, &[command, family][..], &length, rest].concat()
    }

    fn vector(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind][..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 4, 0x01, 0xbb];

    fn client(text: &str) -> Sender {
        Sender::Client(text.parse().expect("an address"))
    }

    #[test]
    fn lines() {
        let v4 = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n";
        assert_eq!(sender(v4), Ok(client("192.0.2.7:56324")));
        let v6 = "PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n";
        assert_eq!(sender(v6), Ok(client("[2001:db8::7]:0")));
        assert_eq!(sender("PROXY UNKNOWN\r\n"), Ok(Sender::Unknown));
        let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(V1_MOST - 16));
        assert_eq!((longest.len(), sender(&longest)), (V1_MOST, Ok(Sender::Unknown)));
    }

    #[test]
    fn lines_that_are_refused() {
        for line in [
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
            "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
            "PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.256 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
            "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n",
            "PROXY unknown\r\n",
            "PROXY TCP4 192.0.2.7\t198.51.100.1 1 2\r\n",
        ] {
            let read = all_ways(line.as_bytes(), Versions::Both);
            assert_eq!(read, Err(Unreadable::Malformed), "{line:?}");
        }
        let long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(V1_MOST - 15));
        assert_eq!(all_ways(long.as_bytes(), Versions::Both), Err(Unreadable::TooLong));
    }

    #[test]
    fn what_is_no_header() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"PROXy ", b"\r\n\r\n\0\r\nQUIS", b"\x16\x03\x01"]
        {
            assert_eq!(all_ways(bytes, Versions::Both), Err(Unreadable::Missing), "{bytes:?}");
        }
        assert_eq!(read(b"PROXY UNKNOWN\r\n", Versions::Two), Err(Unreadable::Missing));
        assert_eq!(read(&binary(0x20, 0, b""), Versions::One), Err(Unreadable::Missing));
        assert_eq!(read(b"", Versions::Both), Ok(None));
    }

    #[test]
    fn binary_headers() {
        let read = |bytes: &[u8]| {
            all_ways(bytes, Versions::Two).map(|header| {
                let header = header.expect("whole");
                assert_eq!(header.len, bytes.len());
                header.sender
            })
        };
        assert_eq!(read(&binary(0x21, 0x11, &V4)), Ok(client("192.0.2.7:56324")));
        let v6 =
            [&[0x20, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0; 16], &[1, 0, 0, 0]];
        assert_eq!(read(&binary(0x21, 0x21, &v6.concat())), Ok(client("[2001:db8::7]:256")));
        assert_eq!(read(&binary(0x21, 0x31, &[b'/'; 216])), Ok(Sender::Unknown));
        assert_eq!(read(&binary(0x21, 0x00, b"")), Ok(Sender::Unknown));
        assert_eq!(read(&binary(0x20, 0x00, b"")), Ok(Sender::Proxy));
        assert_eq!(read(&binary(0x20, 0x11, &V4)), Ok(Sender::Proxy));
        assert_eq!(read(&binary(0x20, 0x42, b"anything")), Ok(Sender::Proxy));
    }

    #[test]
    fn binary_headers_that_are_refused() {
        let many = vec![0; MOST];
        for (bytes, fault) in [
            (binary(0x11, 0x11, &V4), Unreadable::Malformed),
            (binary(0x22, 0x11, &V4), Unreadable::Malformed),
            (binary(0x21, 0x12, &V4), Unreadable::Malformed),
            (binary(0x21, 0x41, &V4), Unreadable::Malformed),
            (binary(0x21, 0x11, &V4[..11]), Unreadable::Malformed),
            (binary(0x21, 0x21, &V4), Unreadable::Malformed),
            (binary(0x21, 0x31, &V4), Unreadable::Malformed),
            (binary(0x21, 0x11, &[&V4[..], &[4, 0]].concat()), Unreadable::Malformed),
            (binary(0x21, 0x11, &[&V4[..], &[4, 0, 1]].concat()), Unreadable::Malformed),
            (
                binary(0x21, 0x11, &[&V4[..], &vector(0x20, b"1234")].concat()),
                Unreadable::Malformed,
            ),
            (binary(0x21, 0x11, &[&V4[..], &vector(0x03, b"123")].concat()), Unreadable::Malformed),
            (binary(0x21, 0x00, &many), Unreadable::TooLong),
        ] {
            assert_eq!(all_ways(&bytes, Versions::Both), Err(fault), "{bytes:?}");
        }
    }

    #[test]
    fn vectors() {
        let inner = [vector(0x21, b"TLSv1.3"), vector(0x22, b"me"), vector(0x23, b"AES")].concat();
        let tls = [&[3, 0, 0, 0, 0][..], &inner].concat();
        let rest = [
            &V4[..],
            &vector(0x04, b"\0\0"),
            &vector(0x01, b"h2"),
            &vector(0x02, b"example.org"),
            &vector(0x20, &tls),
            &vector(0xee, b"?"),
        ];
        let bytes = binary(0x21, 0x11, &rest.concat());
        let header = all_ways(&bytes, Versions::Two).expect("valid").expect("whole");
        assert_eq!((header.alpn, header.authority), (Some(&b"h2"[..]), Some(&b"example.org"[..])));
        let expected = Tls {
            used: true,
            verified: true,
            version: Some(b"TLSv1.3"),
            common_name: Some(b"me"),
            cipher: Some(b"AES"),
        };
        assert_eq!(header.tls, expected);
    }

    #[test]
    fn a_certificate_that_is_not_valid_is_not_verified() {
        for (client, verify, verified) in [(3, 0, true), (5, 0, true), (1, 0, false), (3, 1, false)]
        {
            let tls = vector(0x20, &[client, 0, 0, 0, verify]);
            let bytes = binary(0x21, 0x11, &[&V4[..], &tls].concat());
            let header = read(&bytes, Versions::Two).expect("valid").expect("whole");
            assert_eq!((header.tls.used, header.tls.verified), (true, verified));
        }
    }

    #[test]
    fn the_checksum_of_the_standard() {
        assert_eq!(!crc32c(!0, b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_checksum_covers_every_byte() {
        let rest = [&V4[..], &vector(0x03, &[0; 4]), &vector(0x04, b"x")].concat();
        let mut bytes = binary(0x21, 0x11, &rest);
        let sum = !crc32c(!0, &bytes);
        bytes[31..35].copy_from_slice(&sum.to_be_bytes());
        assert!(all_ways(&bytes, Versions::Two).is_ok());
        for at in (16..28).chain(31..35).chain(38..39) {
            bytes[at] ^= 1;
            assert_eq!(read(&bytes, Versions::Two), Err(Unreadable::Checksum), "byte {at}");
            bytes[at] ^= 1;
        }
    }
}
