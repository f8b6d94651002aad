//! Which peers are believed: addresses, networks, unix sockets, or anyone.

use std::net::IpAddr;

/// Peers that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    anyone: bool,
    unix: bool,
    /// Address and mask, IPv4 as mapped to IPv6.
    networks: Vec<(u128, u128)>,
}

impl Trust {
    /// Reads `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`, `unix` and `*`; the word that is none of
    /// them comes back.
    pub fn read<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Self, &'w str> {
        let mut trust = Self::default();
        for word in words {
            match word {
                "*" => trust.anyone = true,
                "unix" => trust.unix = true,
                _ => trust.networks.push(network(word).ok_or(word)?),
            }
        }
        Ok(trust)
    }

    /// Is this peer of a connection believed? None is one on a unix socket.
    pub fn has_peer(&self, peer: Option<IpAddr>) -> bool {
        match peer {
            None => self.unix || self.anyone,
            Some(address) => self.has(address),
        }
    }

    pub fn has(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.anyone || self.networks.iter().any(|(network, mask)| bits & mask == *network)
    }

    pub fn has_anyone(&self) -> bool {
        self.anyone
    }
}

/// None too if bits of the host are set, which is a mistake in writing.
fn network(word: &str) -> Option<(u128, u128)> {
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
        None => (word, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let host = width - length.unwrap_or(width).min(width);
    if length.is_some_and(|length| length > width) {
        return None;
    }
    let mask = u128::MAX.checked_shl(host).unwrap_or(0);
    let bits = bits(address);
    (bits & !mask == 0).then_some((bits, mask))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(words: &[&str], address: &str) -> bool {
        let trust = Trust::read(words.iter().copied()).expect("valid");
        trust.has_peer(Some(address.parse().expect("an address")))
    }

    #[test]
    fn addresses_and_networks() {
        for (word, inside, outside) in [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "10.0.0.1", "never"),
            ("::1", "::1", "127.0.0.1"),
            ("2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"),
            ("*", "::1", "never"),
        ] {
            assert!(has(&[word], inside), "{inside} in {word}");
            if outside != "never" {
                assert!(!has(&[word], outside), "{outside} in {word}");
            }
        }
        assert!(has(&["::1", "127.0.0.1"], "127.0.0.1"));
        assert!(!has(&[], "127.0.0.1"));
    }

    #[test]
    fn unix_sockets() {
        let trust = |word| Trust::read([word]).expect("valid");
        assert!(trust("unix").has_peer(None));
        assert!(trust("*").has_peer(None));
        assert!(!trust("127.0.0.1").has_peer(None));
        assert!(!trust("unix").has_peer(Some(IpAddr::from([127, 0, 0, 1]))));
    }

    #[test]
    fn what_is_neither() {
        for word in ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0.0/", "1.2.3"] {
            assert_eq!(Trust::read([word]), Err(word));
        }
    }
}
