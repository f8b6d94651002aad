//! Header fields seen before: most requests repeat the fields of others, letter by letter.
//!
//! Two direct-mapped tables: names alone, and whole (name, value) pairs. A pair that is found costs
//! one comparison and two references instead of allocations. A table never grows; whoever sends
//! new fields only pushes others out. Fields that carry credentials are not kept.

use std::marker::PhantomData;

use pyo3::prelude::*;

const NAMES: usize = 256;
const PAIRS: usize = 512;
/// Longer values repeat too seldom to be worth the memory.
const LONGEST: usize = 160;

/// How an interface wants names and values.
pub trait Make {
    fn name<'py>(py: Python<'py>, name: &[u8]) -> Bound<'py, PyAny>;
    fn value<'py>(
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        value: &[u8],
    ) -> PyResult<Bound<'py, PyAny>>;
}

struct Pair {
    name: Box<[u8]>,
    value: Box<[u8]>,
    name_object: Py<PyAny>,
    value_object: Py<PyAny>,
}

struct Name {
    name: Box<[u8]>,
    object: Py<PyAny>,
}

pub struct FieldCache<M> {
    names: Vec<Option<Name>>,
    pairs: Vec<Option<Pair>>,
    make: PhantomData<fn() -> M>,
}

impl<M: Make> FieldCache<M> {
    pub fn new() -> Self {
        Self {
            names: std::iter::repeat_with(|| None).take(NAMES).collect(),
            pairs: std::iter::repeat_with(|| None).take(PAIRS).collect(),
            make: PhantomData,
        }
    }

    /// The objects of one field.
    pub fn get<'py>(
        &mut self,
        py: Python<'py>,
        name: &[u8],
        value: &[u8],
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        if value.len() > LONGEST || is_secret(name) {
            let name = self.name(py, name);
            let value = M::value(py, &name, value)?;
            return Ok((name, value));
        }
        let at = hash(name, value) as usize % PAIRS;
        if let Some(found) = &self.pairs[at] {
            if *found.value == *value && *found.name == *name {
                return Ok((
                    found.name_object.bind(py).clone(),
                    found.value_object.bind(py).clone(),
                ));
            }
        }
        let name_object = self.name(py, name);
        let value_object = M::value(py, &name_object, value)?;
        self.pairs[at] = Some(Pair {
            name: name.into(),
            value: value.into(),
            name_object: name_object.clone().unbind(),
            value_object: value_object.clone().unbind(),
        });
        Ok((name_object, value_object))
    }

    fn name<'py>(&mut self, py: Python<'py>, name: &[u8]) -> Bound<'py, PyAny> {
        let at = hash(name, b"") as usize % NAMES;
        if let Some(found) = &self.names[at] {
            if *found.name == *name {
                return found.object.bind(py).clone();
            }
        }
        let object = M::name(py, name);
        self.names[at] = Some(Name { name: name.into(), object: object.clone().unbind() });
        object
    }
}

/// Names that applications ask for, so that it pays to have them interned.
const KNOWN: [&str; 48] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-csrf-token",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
];

/// Is it a name that no client has invented?
pub fn is_known(name: &[u8]) -> bool {
    KNOWN.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

fn is_secret(name: &[u8]) -> bool {
    match name.len() {
        6 => name.eq_ignore_ascii_case(b"cookie"),
        13 => name.eq_ignore_ascii_case(b"authorization"),
        19 => name.eq_ignore_ascii_case(b"proxy-authorization"),
        _ => false,
    }
}

/// Looks at both ends and the middle only; quality matters little, since a collision costs one
/// allocation, and the comparison that follows looks at everything.
fn hash(name: &[u8], value: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = (name.len() as u64) << 32 | value.len() as u64;
    let middle = value.len() / 2;
    for word in [ends(name), ends(value), ends(&value[middle..])] {
        state = (state ^ word).wrapping_mul(MULTIPLIER).rotate_left(29);
    }
    state ^ state >> 32
}

/// The first and the last eight bytes, folded together; short texts whole.
fn ends(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first).rotate_left(17) ^ u64::from_le_bytes(*last)
        }
        _ => bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}
