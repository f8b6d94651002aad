//! The scoreboard as Python has it: see `tricorn_net::scoreboard`.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tricorn_net::scoreboard::{Board, Row, Slot, FREE};

/// More workers than any machine runs; a typing error should not take all memory.
const MOST_SLOTS: usize = 4096;

/// `Scoreboard(slots)`: made by the supervisor before it forks.
#[pyclass(frozen, module = "tricorn._core")]
pub struct Scoreboard(Arc<Board>);

#[pymethods]
impl Scoreboard {
    #[new]
    fn new(slots: usize) -> PyResult<Self> {
        if !(1..=MOST_SLOTS).contains(&slots) {
            return Err(PyValueError::new_err(format!(
                "a scoreboard has 1 to {MOST_SLOTS} slots, not {slots}"
            )));
        }
        Ok(Self(Arc::new(Board::shared(slots)?)))
    }

    /// The slot of that number, from 0.
    fn slot(&self, number: usize) -> PyResult<PySlot> {
        self.row(number).map(PySlot)
    }

    /// All workers are not ready any more, for whoever asks (`--health-path`); they serve on.
    fn announce_stop(&self) {
        self.0.server().announce_stop();
    }
}

impl Scoreboard {
    /// The same for the core.
    pub fn row(&self, number: usize) -> PyResult<Slot> {
        Slot::new(self.0.clone(), number).ok_or_else(|| {
            let slots = self.0.rows().len();
            PyValueError::new_err(format!(
                "there is no slot {number}: the scoreboard has {slots}, numbered from 0"
            ))
        })
    }
}

/// One worker's row, as Python has it.
#[pyclass(frozen, name = "Slot", module = "tricorn._core")]
pub struct PySlot(Slot);

/// The counters by name.
pub fn stats<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyDict>> {
    let stats = PyDict::new(py);
    for (name, count) in row.counters() {
        stats.set_item(name, count.get())?;
    }
    Ok(stats)
}

#[pymethods]
impl PySlot {
    /// The beat of a worker that waits for something to do.
    #[classattr]
    const FREE: u64 = FREE;

    /// Everything in the slot, by name.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = stats(py, &self.0)?;
        all.set_item("beat", self.0.beat.get())?;
        all.set_item("accepting", self.0.accepting.get())?;
        all.set_item("queue_age", self.0.queue_age())?;
        all.set_item("stuck", self.0.stuck.get())?;
        Ok(all)
    }

    /// The requests in flight, the oldest first.
    fn requests<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let entries = self.0.table.read().into_iter();
        entries
            .map(|shown| {
                let entry = PyDict::new(py);
                entry.set_item("request", shown.request)?;
                entry.set_item("client", shown.client.map(|client| client.to_string()))?;
                entry.set_item("started", shown.started)?;
                Ok(entry)
            })
            .collect()
    }

    /// The worker goes on, as of now.
    fn beat(&self) {
        self.0.alive();
    }

    /// A request was given up while the application still has it.
    fn note_stuck(&self) {
        self.0.stuck.add();
    }

    /// Nobody has the slot any more.
    fn clear(&self) {
        self.0.begin();
    }
}

/// The error of an `attach()` that comes too late.
pub fn too_late() -> PyErr {
    PyRuntimeError::new_err("attach() comes once, and before listen(): counting has begun already")
}
