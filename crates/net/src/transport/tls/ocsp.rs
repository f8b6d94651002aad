//! OCSP responses (RFC 6960 §4.2.1) that go out with a certificate: whose they are, and until when.

use x509_cert::der::asn1::{AnyRef, GeneralizedTime};
use x509_cert::der::{Decode, Reader, SliceReader, Tag, Tagged};

use super::{Flaw, Part};

/// A response that is to be stapled.
#[derive(Clone, Debug)]
pub struct Staple {
    pub(super) der: Vec<u8>,
    /// Of the certificate that it is about, without leading zeros.
    serial: Vec<u8>,
    /// Not to be shown from then on, in seconds since 1970.
    pub(super) until: u64,
}

impl Staple {
    /// From DER.
    pub fn read(der: &[u8]) -> Result<Self, Flaw> {
        let (status, single) = find(der).ok_or_else(|| {
            Part::Ocsp.flaw("is no OCSP response in DER; see: openssl ocsp -respout FILE")
        })?;
        if status != [0] {
            return Err(Part::Ocsp.flaw("says that the responder has failed"));
        }
        let single = single.and_then(read_single);
        let (serial, is_good, until) =
            single.ok_or_else(|| Part::Ocsp.flaw("has a malformed OCSP response"))?;
        if !is_good {
            return Err(Part::Ocsp.flaw("does not say that its certificate is good"));
        }
        Ok(Self { der: der.to_vec(), serial, until })
    }

    /// Is it about the certificate with this serial number?
    pub(super) fn is_about(&self, serial: &[u8]) -> bool {
        self.serial == without_zeros(serial)
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

/// What is in a constructed value, in order.
fn parts<'a>(value: AnyRef<'a>) -> Option<Vec<AnyRef<'a>>> {
    let mut reader = SliceReader::new(value.value()).ok()?;
    let mut found = Vec::new();
    while !reader.is_finished() {
        found.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(found)
}

/// The status of the response, and the first of what it says if it says something.
fn find(der: &[u8]) -> Option<(&[u8], Option<AnyRef<'_>>)> {
    let response = parts(AnyRef::from_der(der).ok()?)?;
    let status = response.first()?.value();
    let Some(bytes) = response.get(1) else { return Some((status, None)) };
    let basic = parts(*parts(*bytes)?.first()?)?.get(1)?.value();
    let data = *parts(AnyRef::from_der(basic).ok()?)?.first()?;
    // version and responder are tagged, the time is a time: this is the only sequence but extensions.
    let responses = parts(data)?.into_iter().find(|part| part.tag() == Tag::Sequence)?;
    Some((status, parts(responses)?.first().copied()))
}

/// Serial number, whether the certificate is good, and until when that holds.
fn read_single(single: AnyRef<'_>) -> Option<(Vec<u8>, bool, u64)> {
    let single = parts(single)?;
    let [id, status, _this_update, rest @ ..] = single.as_slice() else { return None };
    let serial = without_zeros(parts(*id)?.get(3)?.value()).to_vec();
    let is_good = status.tag().number().value() == 0;
    let until = match rest.first() {
        Some(next) if !next.tag().is_universal() => {
            let time = parts(*next)?.first()?.decode_as::<GeneralizedTime>().ok()?;
            time.to_unix_duration().as_secs()
        }
        _ => u64::MAX, // newer ones are there at any time
    };
    Some((serial, is_good, until))
}
