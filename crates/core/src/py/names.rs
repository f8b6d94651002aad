//! Header fields seen before: most requests repeat the fields of others, letter by letter.
//!
//! Two direct-mapped tables: names alone, and whole (name, value) pairs. A pair that is found costs
//! one comparison and one reference instead of two allocations. A table never grows; whoever sends
//! new fields only pushes others out. Fields that carry credentials are not kept.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::py::call::pair;

const NAMES: usize = 256;
const PAIRS: usize = 512;
/// Longer values repeat too seldom to be worth the memory.
const LONGEST: usize = 160;

struct Pair {
    name: Box<[u8]>,
    value: Box<[u8]>,
    object: Py<PyAny>,
}

struct Name {
    name: Box<[u8]>,
    object: Py<PyAny>,
}

pub struct FieldCache {
    names: Vec<Option<Name>>,
    pairs: Vec<Option<Pair>>,
}

impl FieldCache {
    pub fn new() -> Self {
        Self {
            names: std::iter::repeat_with(|| None).take(NAMES).collect(),
            pairs: std::iter::repeat_with(|| None).take(PAIRS).collect(),
        }
    }

    /// `(name in lower case, value)`, both bytes.
    pub fn pair<'py>(
        &mut self,
        py: Python<'py>,
        name: &[u8],
        value: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        if value.len() > LONGEST || is_secret(name) {
            let name = self.name(py, name);
            return pair(&name, PyBytes::new(py, value).into_any());
        }
        let at = hash(name, value) as usize % PAIRS;
        if let Some(found) = &self.pairs[at] {
            if *found.value == *value && *found.name == *name {
                return Ok(found.object.bind(py).clone());
            }
        }
        let lower = self.name(py, name);
        let object = pair(&lower, PyBytes::new(py, value).into_any())?;
        let kept = Pair { name: name.into(), value: value.into(), object: object.clone().unbind() };
        self.pairs[at] = Some(kept);
        Ok(object)
    }

    /// The name in lower case, as bytes.
    pub fn name<'py>(&mut self, py: Python<'py>, name: &[u8]) -> Bound<'py, PyAny> {
        let at = hash(name, b"") as usize % NAMES;
        if let Some(found) = &self.names[at] {
            if *found.name == *name {
                return found.object.bind(py).clone();
            }
        }
        let object = PyBytes::new(py, &name.to_ascii_lowercase()).into_any();
        self.names[at] = Some(Name { name: name.into(), object: object.clone().unbind() });
        object
    }
}

fn is_secret(name: &[u8]) -> bool {
    match name.len() {
        6 => name.eq_ignore_ascii_case(b"cookie"),
        13 => name.eq_ignore_ascii_case(b"authorization"),
        19 => name.eq_ignore_ascii_case(b"proxy-authorization"),
        _ => false,
    }
}

/// Mixes eight bytes at a time; quality matters little, since a collision costs one allocation.
fn hash(name: &[u8], value: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = (name.len() as u64) << 32 | value.len() as u64;
    for bytes in [name, value] {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            state = (state ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER).rotate_left(29);
        }
        let mut word = [0; 8];
        let rest = chunks.remainder();
        word[..rest.len()].copy_from_slice(rest);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER).rotate_left(29);
    }
    state ^ state >> 32
}
