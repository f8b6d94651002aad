//! What a certificate says (RFC 5280 §4.1), for people and for applications.

use x509_cert::der::pem::LineEnding;
use x509_cert::der::{pem, Decode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::spki::ObjectIdentifier;
use x509_cert::Certificate;

/// Times are in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Distinguished names as RFC 4514 writes them.
    pub subject: String,
    pub issuer: String,
    /// In hexadecimal.
    pub serial: String,
    /// 3 for what there is today.
    pub version: u8,
    pub not_before: u64,
    pub not_after: u64,
    /// DNS names and addresses that it is for (subjectAltName).
    pub names: Vec<String>,
    /// Kind and size of its key, as `ECDSA P-256`.
    pub key: String,
}

impl Facts {
    /// None if it is malformed.
    pub fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let body = certificate.tbs_certificate();
        let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs();
        Some(Self {
            subject: body.subject().to_string(),
            issuer: body.issuer().to_string(),
            serial: body.serial_number().as_bytes().iter().map(|b| format!("{b:02X}")).collect(),
            version: body.version() as u8 + 1,
            not_before: seconds(&body.validity().not_before),
            not_after: seconds(&body.validity().not_after),
            names: names(&certificate),
            key: key(&certificate),
        })
    }
}

fn names(certificate: &Certificate) -> Vec<String> {
    let found = certificate.tbs_certificate().get_extension::<SubjectAltName>().ok().flatten();
    let names = found.map(|(_, names)| names.0).unwrap_or_default();
    names.iter().filter_map(name).collect()
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(address) => match address.as_bytes().len() {
            4 => <[u8; 4]>::try_from(address.as_bytes())
                .ok()
                .map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
            _ => <[u8; 16]>::try_from(address.as_bytes())
                .ok()
                .map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
        },
        _ => None,
    }
}

/// Of the kinds of keys that a public authority signs.
fn key(certificate: &Certificate) -> String {
    const RSA: &str = "1.2.840.113549.1.1.1";
    const ECDSA: &str = "1.2.840.10045.2.1";
    let info = certificate.tbs_certificate().subject_public_key_info();
    match info.algorithm.oid.to_string().as_str() {
        RSA => {
            // RFC 8017 A.1.1: the modulus comes first, and takes all but about 14 bytes.
            let bytes = info.subject_public_key.raw_bytes().len();
            format!("RSA {}", bytes.saturating_sub(10) / 32 * 256)
        }
        ECDSA => {
            let curve = info.algorithm.parameters.as_ref();
            let curve = curve.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
            match curve.map(|oid| oid.to_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => "ECDSA P-256".into(),
                Some("1.3.132.0.34") => "ECDSA P-384".into(),
                Some("1.3.132.0.35") => "ECDSA P-521".into(),
                _ => "ECDSA".into(),
            }
        }
        "1.3.101.112" => "Ed25519".into(),
        other => other.into(),
    }
}

/// The certificate in PEM (RFC 7468).
pub fn to_pem(der: &[u8]) -> String {
    // It fails for what is too large for memory.
    pem::encode_string("CERTIFICATE", LineEnding::LF, der).unwrap_or_default()
}
