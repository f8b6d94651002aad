//! Header fields of the application's messages.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use tricorn_wire::response::Fault;

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
        for item in given.try_iter()? {
            let pair: PyResult<(Vec<u8>, Vec<u8>)> = item?.extract();
            copied.push(pair.map_err(|_| {
                PyTypeError::new_err("'headers' must be pairs of bytes: [(b'name', b'value'), …]")
            })?);
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
