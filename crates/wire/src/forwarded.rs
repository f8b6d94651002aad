//! What a trusted proxy says of a request: `X-Forwarded-*`, or `Forwarded` (RFC 7239).
//!
//! Each proxy adds whom it had as a client behind what others said before it. So the list is walked
//! from its end, by the proxies that are trusted, to the first address that is not: that is the
//! client, and whatever stands before it is its own invention. What is said of scheme and host
//! counts from the same place.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::head::{list, Field};
use crate::reject::Reject;
use crate::target::is_host;
use crate::trust::Trust;

/// The fields that may be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Name {
    For,
    Proto,
    Host,
    Port,
    Prefix,
    Forwarded,
}

impl Name {
    const ALL: [(Self, &'static str); 6] = [
        (Self::For, "x-forwarded-for"),
        (Self::Proto, "x-forwarded-proto"),
        (Self::Host, "x-forwarded-host"),
        (Self::Port, "x-forwarded-port"),
        (Self::Prefix, "x-forwarded-prefix"),
        (Self::Forwarded, "forwarded"),
    ];
}

/// Whom to believe, and what.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    trust: Trust,
    names: Vec<(Name, &'static str)>,
    /// Other fields that mean https if they have this value.
    schemes: Vec<(String, String)>,
    /// A bit for each length, and one for each first letter, of their names.
    lengths: u64,
    letters: u32,
}

/// Who asks, as far as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// With its port, or 0.
    Known(SocketAddr),
    /// A proxy does not know it, or does not tell.
    Unknown,
}

/// What was said; None where nothing was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told<'b> {
    pub client: Option<Client>,
    /// The client came over TLS.
    pub secure: Option<bool>,
    /// Host, maybe with a port.
    pub host: Option<Cow<'b, [u8]>>,
    pub port: Option<u16>,
    /// The path that a proxy has taken away, without a slash at its end.
    pub prefix: Option<&'b [u8]>,
}

/// The values that matter, in the order they came.
#[derive(Default)]
struct Found<'f, 'b> {
    values: [Vec<&'b [u8]>; Name::ALL.len()],
    schemes: Vec<(&'f str, &'b [u8])>,
}

impl Rules {
    /// `names` are those of fields in lower case; `schemes` names of others with the value that
    /// means https, which count where `x-forwarded-proto` does. A name that can't be believed comes
    /// back.
    pub fn new<'n>(
        trust: Trust,
        names: impl IntoIterator<Item = &'n str>,
        schemes: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, &'n str> {
        let mut rules = Self { trust, ..Self::default() };
        for name in names {
            let found = Name::ALL.into_iter().find(|(_, known)| *known == name);
            rules.names.push(found.ok_or(name)?);
        }
        if rules.names.iter().any(|(name, _)| *name == Name::Proto) {
            rules.schemes.extend(schemes);
        }
        let others = rules.schemes.iter().map(|(name, _)| name.as_str());
        for name in rules.names.iter().map(|(_, name)| *name).chain(others) {
            rules.lengths |= bit(name.len());
            rules.letters |= letter(name);
        }
        Ok(rules)
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// What the fields of a request from a trusted peer say; None if that is nothing.
    pub fn read<'b>(&self, fields: &[Field<'b>]) -> Result<Option<Told<'b>>, Reject> {
        let may_matter = |field: &&Field| {
            self.lengths & bit(field.name.len()) != 0 && self.letters & letter(field.name) != 0
        };
        let mut found = None;
        for field in fields.iter().filter(may_matter) {
            self.note(field, &mut found);
        }
        found.map(|found| self.judge(&found)).transpose()
    }

    fn note<'f, 'b>(&'f self, field: &Field<'b>, found: &mut Option<Box<Found<'f, 'b>>>) {
        if let Some((name, _)) = self.names.iter().find(|(_, name)| is(field, name)) {
            let found = found.get_or_insert_default();
            found.values[*name as usize].push(field.value);
        } else if let Some((_, https)) = self.schemes.iter().find(|(name, _)| is(field, name)) {
            found.get_or_insert_default().schemes.push((https, field.value));
        }
    }

    fn judge<'b>(&self, found: &Found<'_, 'b>) -> Result<Told<'b>, Reject> {
        let elements = found.get(Name::Forwarded);
        let mut told = if elements.is_empty() {
            self.judge_lists(found)?
        } else {
            self.judge_elements(elements)?
        };
        for (https, value) in &found.schemes {
            let secure = value.eq_ignore_ascii_case(https.as_bytes());
            if *told.secure.get_or_insert(secure) != secure {
                return Err(Reject::SchemesDiffer);
            }
        }
        if let Some(prefix) = last(found.get(Name::Prefix)) {
            told.prefix = Some(read_prefix(prefix).ok_or(Reject::Forwarded)?);
        }
        Ok(told)
    }

    fn judge_lists<'b>(&self, found: &Found<'_, 'b>) -> Result<Told<'b>, Reject> {
        let nodes = members(found.get(Name::For));
        let at = self.walk(nodes.len(), |at| read_node(nodes[at], true));
        let place = Place { at, of: nodes.len() };
        let mut told = Told {
            client: nodes.get(at).map(|node| read_node(node, true).into()),
            ..Told::default()
        };
        let protos = members(found.get(Name::Proto));
        if let Some(proto) = place.pick(&protos) {
            if protos.len() != place.of && protos.iter().any(|other| *other != proto) {
                return Err(Reject::SchemesDiffer);
            }
            told.secure = Some(read_scheme(proto).ok_or(Reject::Forwarded)?);
        }
        if let Some(host) = place.pick(&members(found.get(Name::Host))) {
            told.host = Some(Cow::Borrowed(read_host(host).ok_or(Reject::Forwarded)?));
        }
        if let Some(port) = place.pick(&members(found.get(Name::Port))) {
            told.port = Some(read_port(port).ok_or(Reject::Forwarded)?);
        }
        Ok(told)
    }

    fn judge_elements<'b>(&self, values: &[&'b [u8]]) -> Result<Told<'b>, Reject> {
        let mut elements = Vec::new();
        for value in values {
            read_elements(value, &mut elements).ok_or(Reject::Forwarded)?;
        }
        let node = |at: usize| read_node(elements[at].node.as_deref()?, false);
        let at = self.walk(elements.len(), node);
        let Some(element) = elements.get(at) else { return Ok(Told::default()) };
        let is_last = at + 1 == elements.len();
        let mut told = Told::default();
        if element.node.is_some() || !is_last {
            told.client = Some(node(at).into());
        }
        if let Some(proto) = &element.proto {
            told.secure = Some(read_scheme(proto).ok_or(Reject::Forwarded)?);
        }
        if let Some(host) = &element.host {
            read_host(host).ok_or(Reject::Forwarded)?;
            told.host = Some(host.clone());
        }
        Ok(told)
    }

    /// Where the client stands among `count` nodes.
    fn walk(&self, count: usize, node: impl Fn(usize) -> Option<SocketAddr>) -> usize {
        if self.trust.has_anyone() {
            return 0;
        }
        let is_trusted = |at: &usize| node(*at).is_some_and(|node| self.trust.has(node.ip()));
        (1..count).rev().find(|at| !is_trusted(at)).unwrap_or(0)
    }
}

impl<'b> Found<'_, 'b> {
    fn get(&self, name: Name) -> &[&'b [u8]] {
        &self.values[name as usize]
    }
}

impl From<Option<SocketAddr>> for Client {
    fn from(node: Option<SocketAddr>) -> Self {
        node.map_or(Self::Unknown, Self::Known)
    }
}

/// Where the client stands in `X-Forwarded-For`.
struct Place {
    at: usize,
    of: usize,
}

impl Place {
    /// In a list that grows with that one, the member at its place; else what the last proxy said.
    fn pick<'b>(&self, members: &[&'b [u8]]) -> Option<&'b [u8]> {
        let at = if members.len() == self.of { self.at } else { members.len().checked_sub(1)? };
        members.get(at).copied()
    }
}

fn bit(length: usize) -> u64 {
    1u64 << (length & 63)
}

/// One of 32 for the first letter, upper or lower case.
fn letter(name: &str) -> u32 {
    1u32 << (name.bytes().next().unwrap_or(0) & 31)
}

fn is(field: &Field, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

fn members<'b>(values: &[&'b [u8]]) -> Vec<&'b [u8]> {
    values.iter().flat_map(|value| list(value)).collect()
}

fn last<'b>(values: &[&'b [u8]]) -> Option<&'b [u8]> {
    members(values).pop()
}

/// `192.0.2.1`, `192.0.2.1:80`, `[::1]`, `[::1]:80`, and if `bare` also `::1`; a zone is left out.
/// None for `unknown`, `_hidden` and whatever else is no address.
fn read_node(text: &[u8], bare: bool) -> Option<SocketAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port = if port.is_empty() { 0 } else { node_port(port.strip_prefix(':')?)? };
        return Some(SocketAddr::new(read_v6(address)?, port));
    }
    if let (true, Some(address)) = (bare, read_v6(text)) {
        return Some(SocketAddr::new(address, 0));
    }
    let (address, port) = match text.split_once(':') {
        Some((address, port)) => (address, node_port(port)?),
        None => (text, 0),
    };
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    Some(SocketAddr::new(address.into(), port))
}

fn read_v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    Some(address.parse::<Ipv6Addr>().ok()?.to_canonical())
}

/// 0 for one that is hidden (RFC 7239 §6.3).
fn node_port(text: &str) -> Option<u16> {
    if text.starts_with('_') {
        return Some(0);
    }
    decimal(text.as_bytes())
}

/// 1 to 65535.
fn read_port(text: &[u8]) -> Option<u16> {
    decimal(text).filter(|port| *port > 0)
}

fn decimal(text: &[u8]) -> Option<u16> {
    let digits = !text.is_empty() && text.len() <= 5 && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

/// Is it https? Proxies name the scheme of a WebSocket too.
fn read_scheme(text: &[u8]) -> Option<bool> {
    let is = |scheme: &str| text.eq_ignore_ascii_case(scheme.as_bytes());
    if is("https") || is("wss") {
        return Some(true);
    }
    (is("http") || is("ws")).then_some(false)
}

fn read_host(text: &[u8]) -> Option<&[u8]> {
    (!text.is_empty() && text[0] != b':' && is_host(text)).then_some(text)
}

/// A path without dot segments, empty ones, escapes or a query: only such can't be taken for another.
fn read_prefix(text: &[u8]) -> Option<&[u8]> {
    let path = text.strip_suffix(b"/").unwrap_or(text);
    if path.is_empty() {
        return (text == b"/").then_some(path);
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+=:@".contains(byte);
    let is_segment = |segment: &[u8]| !matches!(segment, b"" | b"." | b"..");
    let segments = path.strip_prefix(b"/")?.split(|&byte| byte == b'/').all(is_segment);
    (segments && path.iter().all(is_plain)).then_some(path)
}

/// What one proxy says in `Forwarded`.
#[derive(Default)]
struct Element<'b> {
    node: Option<Cow<'b, [u8]>>,
    proto: Option<Cow<'b, [u8]>>,
    host: Option<Cow<'b, [u8]>>,
}

/// Adds the elements of one field; None if it is malformed (RFC 7239 §4).
fn read_elements<'b>(mut rest: &'b [u8], elements: &mut Vec<Element<'b>>) -> Option<()> {
    loop {
        let mut element = Element::default();
        let mut pairs = 0;
        let end = loop {
            rest = rest.trim_ascii_start();
            if rest.first().is_some_and(|&byte| crate::head::is_token_byte(byte)) {
                rest = read_pair(rest, &mut element)?.trim_ascii_start();
                pairs += 1;
            }
            let Some((end, after)) = rest.split_first() else { break None };
            rest = after;
            match end {
                b';' => {}
                b',' => break Some(()),
                _ => return None,
            }
        };
        if pairs > 0 {
            elements.push(element);
        }
        if end.is_none() {
            return Some(());
        }
    }
}

/// Reads `name=value`; returns what follows. A name must not be repeated in an element.
fn read_pair<'b>(text: &'b [u8], element: &mut Element<'b>) -> Option<&'b [u8]> {
    let (name, value) = text.split_at(token_len(text));
    let (value, rest) = read_value(value.strip_prefix(b"=")?)?;
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    let place = if is("for") {
        &mut element.node
    } else if is("proto") {
        &mut element.proto
    } else if is("host") {
        &mut element.host
    } else {
        return Some(rest);
    };
    place.replace(value).is_none().then_some(rest)
}

/// A token or a quoted string, and what follows.
fn read_value(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        // Strictly, a colon or a bracket has to be quoted; some proxies do not.
        let is_loose = |&byte: &u8| crate::head::is_token_byte(byte) || b":[]".contains(&byte);
        let end = text.iter().take_while(|byte| is_loose(byte)).count();
        let (value, rest) = text.split_at(end);
        return (end > 0).then_some((Cow::Borrowed(value), rest));
    };
    let end = memchr::memchr2(b'"', b'\\', quoted)?;
    if quoted[end] == b'"' {
        return Some((Cow::Borrowed(&quoted[..end]), &quoted[end + 1..]));
    }
    let mut value = quoted[..end].to_vec();
    let mut bytes = quoted[end..].iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((Cow::Owned(value), bytes.as_slice())),
            b'\\' => value.push(*bytes.next()?),
            byte => value.push(*byte),
        }
    }
}

fn token_len(text: &[u8]) -> usize {
    text.iter().take_while(|&&byte| crate::head::is_token_byte(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [&str; 5] = [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
    ];

    fn rules(names: &[&'static str], trusted: &str) -> Rules {
        let trust = Trust::read(trusted.split(' ')).expect("valid");
        let schemes = [("x-forwarded-ssl".to_owned(), "on".to_owned())];
        Rules::new(trust, names.iter().copied(), schemes).expect("known names")
    }

    fn read<'b>(rules: &Rules, fields: &[(&'b str, &'b str)]) -> Result<Told<'b>, Reject> {
        let field = |&(name, value): &(&'b str, &'b str)| Field { name, value: value.as_bytes() };
        let told = rules.read(&fields.iter().map(field).collect::<Vec<_>>())?;
        Ok(told.unwrap_or_default())
    }

    fn client(name: &'static str, value: &str) -> Option<Client> {
        let rules = rules(&[name], "10.0.0.0/8 ::1");
        let told = read(&rules, &[(name, value)]).expect("accepted");
        told.client
    }

    fn known(address: &str) -> Option<Client> {
        Some(Client::Known(address.parse().expect("an address")))
    }

    #[test]
    fn the_first_that_is_not_trusted_from_the_right() {
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1, 192.0.2.2", "192.0.2.2:0"),
            ("192.0.2.1, 192.0.2.2,10.0.0.1 , 10.0.0.2", "192.0.2.2:0"),
            ("192.0.2.1, ::1, 10.0.0.2", "192.0.2.1:0"),
            ("10.0.0.1, 10.0.0.2", "10.0.0.1:0"),
            ("evil\", \\, 192.0.2.2, ::ffff:10.0.0.1", "192.0.2.2:0"),
            ("192.0.2.1:4711", "192.0.2.1:4711"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
            ("fe80::1%eth0", "[fe80::1]:0"),
            ("::ffff:192.0.2.1", "192.0.2.1:0"),
        ] {
            assert_eq!(client("x-forwarded-for", value), known(expected), "{value}");
        }
    }

    #[test]
    fn who_is_not_known_is_not_taken_for_the_proxy() {
        for value in [
            "unknown",
            "_hidden",
            "192.0.2.1, unknown, 10.0.0.2",
            "192.0.2.1, not-an-address, 10.0.0.2",
            "192.0.2.256",
            "192.0.2.1:65536",
            "192.0.2.1:",
            "[192.0.2.1]",
            "[::1",
            "[::1]80",
            "[::1]:x",
            "\u{e9}",
        ] {
            assert_eq!(client("x-forwarded-for", value), Some(Client::Unknown), "{value}");
        }
        assert_eq!(client("x-forwarded-for", ","), None);
    }

    #[test]
    fn fields_of_one_name_are_one_list() {
        let rules = rules(&EVERY, "10.0.0.0/8");
        let fields = [("X-Forwarded-For", "192.0.2.1"), ("x-FORWARDED-for", "192.0.2.2, 10.1.1.1")];
        assert_eq!(read(&rules, &fields).expect("valid").client, known("192.0.2.2:0"));
    }

    #[test]
    fn if_anyone_is_trusted_the_first_is_the_client() {
        let rules = rules(&EVERY, "*");
        let fields = [("x-forwarded-for", "192.0.2.1, unknown, 192.0.2.3")];
        assert_eq!(read(&rules, &fields).expect("valid").client, known("192.0.2.1:0"));
    }

    #[test]
    fn what_is_not_to_be_believed_is_not() {
        let rules = rules(&["x-forwarded-for"], "*");
        let fields = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-prefix", "/evil"),
            ("x-forwarded-ssl", "on"),
            ("forwarded", "for=192.0.2.1;proto=https;host=evil"),
        ];
        assert_eq!(read(&rules, &fields), Ok(Told::default()));
        let unknown = Rules::new(Trust::default(), ["x-real-ip"], []);
        assert_eq!(unknown.err(), Some("x-real-ip"));
    }

    #[test]
    fn schemes() {
        let rules = rules(&EVERY, "10.0.0.0/8");
        let secure =
            |fields: &[(&'static str, &'static str)]| read(&rules, fields).map(|told| told.secure);
        let (proto, ssl) = ("x-forwarded-proto", "x-forwarded-ssl");
        for (value, expected) in [("https", true), ("HTTP", false), ("wss", true), ("ws", false)] {
            assert_eq!(secure(&[(proto, value)]), Ok(Some(expected)));
        }
        assert_eq!(secure(&[(ssl, "on")]), Ok(Some(true)));
        assert_eq!(secure(&[(ssl, "off")]), Ok(Some(false)));
        assert_eq!(secure(&[(proto, "https"), (ssl, "ON")]), Ok(Some(true)));
        assert_eq!(secure(&[(proto, "https"), (ssl, "off")]), Err(Reject::SchemesDiffer));
        assert_eq!(secure(&[(proto, "http"), (ssl, "on")]), Err(Reject::SchemesDiffer));
        assert_eq!(secure(&[(ssl, "on"), (ssl, "off")]), Err(Reject::SchemesDiffer));
        assert_eq!(secure(&[(proto, "https, http")]), Err(Reject::SchemesDiffer));
        assert_eq!(secure(&[(proto, "https"), (proto, "http")]), Err(Reject::SchemesDiffer));
        assert_eq!(secure(&[(proto, "https, https")]), Ok(Some(true)));
        assert_eq!(secure(&[(proto, "ftp")]), Err(Reject::Forwarded));
        assert_eq!(secure(&[("host", "x")]), Ok(None));
    }

    #[test]
    fn lists_that_grow_together_are_read_at_one_place() {
        let rules = rules(&EVERY, "10.0.0.0/8");
        let fields = [
            ("x-forwarded-for", "192.0.2.9, 192.0.2.1, 10.0.0.1"),
            ("x-forwarded-proto", "http, https, http"),
            ("x-forwarded-host", "evil, example.org, inner"),
            ("x-forwarded-port", "1, 443, 8000"),
            ("x-forwarded-prefix", "/evil, /app/"),
        ];
        let told = read(&rules, &fields).expect("valid");
        assert_eq!(told.client, known("192.0.2.1:0"));
        assert_eq!((told.secure, told.port), (Some(true), Some(443)));
        assert_eq!(told.host.as_deref(), Some(&b"example.org"[..]));
        assert_eq!(told.prefix, Some(&b"/app"[..]));
    }

    #[test]
    fn hosts_ports_and_prefixes_that_are_refused() {
        let rules = rules(&EVERY, "10.0.0.0/8");
        for (name, values) in [
            ("x-forwarded-host", &["a b", "u@h", ":80", "a/b", "a:b:1"][..]),
            ("x-forwarded-port", &["0", "65536", "x", "-1", "443a"][..]),
            (
                "x-forwarded-prefix",
                &["app", "//evil", "/a//b", "/a/../b", "/a?b", "/%2e", "/a b"][..],
            ),
        ] {
            for value in values {
                assert_eq!(read(&rules, &[(name, value)]), Err(Reject::Forwarded), "{value}");
            }
        }
        assert_eq!(
            read(&rules, &[("x-forwarded-prefix", "/")]).expect("valid").prefix,
            Some(&b""[..])
        );
    }

    #[test]
    fn forwarded_elements() {
        let rules = rules(&["forwarded"], "10.0.0.0/8");
        let told = |value: &'static str| read(&rules, &[("forwarded", value)]);
        let both = told("for=evil;proto=http, For=\"[2001:db8::1]:80\" ; PROTO=https;host=\"a\\.b:1\";by=_x,, for=10.0.0.1");
        let both = both.expect("valid");
        assert_eq!((both.client, both.secure), (known("[2001:db8::1]:80"), Some(true)));
        assert_eq!(both.host.as_deref(), Some(&b"a.b:1"[..]));
        assert_eq!(told("proto=https").expect("valid").client, None);
        let without = told("for=192.0.2.1, proto=https, for=10.0.0.1").expect("valid");
        assert_eq!((without.client, without.secure), (Some(Client::Unknown), Some(true)));
        for value in ["for=_hidden", "for=unknown", "for=\"_hidden:80\"", "for=\"::1\""] {
            assert_eq!(told(value).expect("valid").client, Some(Client::Unknown), "{value}");
        }
        let loose = told("for=192.0.2.1:80").expect("valid");
        assert_eq!(loose.client, known("192.0.2.1:80"));
        assert_eq!(told("for=\"192.0.2.1:_port\"").expect("valid").client, known("192.0.2.1:0"));
        assert_eq!(told(" ;, ;;"), Ok(Told::default()));
    }

    #[test]
    fn forwarded_that_is_refused() {
        let rules = rules(&["forwarded"], "10.0.0.0/8");
        for value in [
            "for",
            "for=",
            "=x",
            "for=\"x",
            "for=\"x\\",
            "for=a b",
            "for=a for=b",
            "for=a;for=b",
            "for =a",
            "for= a",
            "for=a,\"",
            "proto=ftp",
            "host=\"a b\"",
            "host=\"\"",
        ] {
            assert_eq!(read(&rules, &[("forwarded", value)]), Err(Reject::Forwarded), "{value}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let rules = rules(&[EVERY[0], EVERY[1], EVERY[2], EVERY[4], "forwarded"], "10.0.0.0/8");
        let text = b"for=\"[::1]:80\\\";proto=https, _x, 192.0.2.1:80 /a/.";
        for from in 0..text.len() {
            for to in from..=text.len() {
                for (_, name) in Name::ALL {
                    let _ = rules.read(&[Field { name, value: &text[from..to] }]);
                }
            }
        }
    }
}
