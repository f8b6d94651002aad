//! Header fields of the application's messages.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use tricorn_wire::response::Fault;

use super::send::body_bytes;
use crate::py::call::exact_bytes;

/// Header fields of a message.
pub enum Fields<'py> {
    /// A list of tuples or lists of bytes: reading it runs no Python.
    Plain(Bound<'py, PyList>),
    /// Anything else, read before the connection is borrowed, since iterating may run Python.
    Copied(Vec<(Vec<u8>, Vec<u8>)>),
}

impl<'py> Fields<'py> {
    pub fn read(given: &Bound<'py, PyAny>) -> PyResult<Self> {
        match given.cast_exact::<PyList>() {
            Ok(list) if list.iter().all(|item| is_plain(&item)) => Ok(Self::Plain(list.clone())),
            _ => Self::copy(given),
        }
    }

    fn copy(given: &Bound<'py, PyAny>) -> PyResult<Self> {
        let mut copied = Vec::new();
        let items = given.try_iter().map_err(|_| not_pairs(given))?;
        for item in items {
            copied.push(pair_of(&item?)?);
        }
        Ok(Self::Copied(copied))
    }

    pub fn each(
        &self,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match self {
            Self::Plain(list) => list.iter().try_for_each(|pair| {
                let (name, value) = halves(&pair).ok_or(Fault::FieldName)?;
                match (exact_bytes(&name), exact_bytes(&value)) {
                    (Some(name), Some(value)) => take(name, value),
                    _ => Err(Fault::FieldName),
                }
            }),
            Self::Copied(pairs) => pairs.iter().try_for_each(|(name, value)| take(name, value)),
        }
    }
}

/// A name and a value of any iterable of two (ASGI HTTP spec, "Response Start").
fn pair_of(item: &Bound<'_, PyAny>) -> PyResult<(Vec<u8>, Vec<u8>)> {
    let mut halves = item.try_iter().map_err(|_| not_pairs(item))?;
    let (name, value) = match (halves.next(), halves.next(), halves.next()) {
        (Some(name), Some(value), None) => (name?, value?),
        _ => return Err(not_pairs(item)),
    };
    Ok((bytes_of(&name)?, bytes_of(&value)?))
}

fn bytes_of(half: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if half.is_instance_of::<PyString>() {
        return Err(not_pairs(half));
    }
    Ok(body_bytes(half, "headers")?.as_bytes().to_vec())
}

fn not_pairs(found: &Bound<'_, PyAny>) -> PyErr {
    let found = found.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    PyTypeError::new_err(format!(
        "'headers' must be pairs of bytes: [(b'name', b'value'), …]; found {found}"
    ))
}

fn is_plain(item: &Bound<'_, PyAny>) -> bool {
    halves(item)
        .is_some_and(|(name, value)| exact_bytes(&name).is_some() && exact_bytes(&value).is_some())
}

fn halves<'py>(item: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    if let Ok(pair) = item.cast_exact::<PyTuple>() {
        return (pair.len() == 2)
            .then(|| Some((pair.get_item(0).ok()?, pair.get_item(1).ok()?)))?;
    }
    let pair = item.cast_exact::<PyList>().ok()?;
    (pair.len() == 2).then(|| Some((pair.get_item(0).ok()?, pair.get_item(1).ok()?)))?
}
