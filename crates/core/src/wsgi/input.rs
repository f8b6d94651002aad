//! `wsgi.input` (PEP 3333, "Input and Error Streams"): a file of the request body.
//!
//! What came before the call is at hand; the rest is read as the application asks for it, so a body
//! of any size passes through bounded memory. The end of the body is the end of the file.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use super::core::{WsgiCore, BEAT_MS};
use crate::py::{client_gone, refused};
use tricorn_net::sys::Want;
use tricorn_net::Target;
use tricorn_net::{Awaited, Pull};
use tricorn_wire::reject::Reject;

/// Bytes read from the connection at once.
const READ: usize = 64 * 1024;

struct Buffer {
    bytes: Vec<u8>,
    at: usize,
    ended: bool,
}

#[pyclass(frozen, module = "tricorn._core")]
pub struct Input {
    core: Py<WsgiCore>,
    target: Target,
    buffer: Mutex<Buffer>,
}

impl Input {
    pub fn new(core: Py<WsgiCore>, target: Target, gathered: Vec<u8>) -> Self {
        let buffer = Buffer { bytes: gathered, at: 0, ended: false };
        Self { core, target, buffer: Mutex::new(buffer) }
    }

    /// Runs `body` without the interpreter, which another thread may need to give way.
    fn with<R: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&WsgiCore, &mut Buffer) -> PyResult<R> + Send,
    ) -> PyResult<R> {
        py.detach(|| body(self.core.get(), &mut self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, py: Python<'_>, most: Option<usize>) -> PyResult<Vec<u8>> {
        let target = self.target;
        self.with(py, |core, buffer| {
            let most = most.unwrap_or(usize::MAX);
            let mut searched = 0;
            loop {
                let rest = buffer.rest();
                if let Some(found) = memchr::memchr(b'\n', &rest[searched..]) {
                    return Ok(buffer.take((searched + found + 1).min(most)));
                }
                searched = rest.len();
                if searched >= most || !buffer.fill(core, target)? {
                    return Ok(buffer.take(most.min(buffer.rest().len())));
                }
            }
        })
    }
}

impl Buffer {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn take(&mut self, size: usize) -> Vec<u8> {
        let size = size.min(self.rest().len());
        let taken = if self.at == 0 && size == self.bytes.len() {
            std::mem::take(&mut self.bytes)
        } else {
            self.rest()[..size].to_vec()
        };
        self.at = if self.bytes.is_empty() { 0 } else { self.at + size };
        taken
    }

    /// Reads more, waiting for it if need be; false at the end of the body.
    fn fill(&mut self, core: &WsgiCore, target: Target) -> PyResult<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        loop {
            let (awaited, timeout) = {
                let mut net = core.net();
                let timeout = net.settings.timeouts.body;
                let Some(conn) = net.exchange(target.token, target.seq) else {
                    return Err(client_gone());
                };
                if conn.body_done() {
                    self.ended = true;
                    return Ok(false);
                }
                net.look_again(target.token);
                match net.pull(target.token, READ) {
                    Pull::Data { more } => {
                        core.goes_on();
                        self.bytes.extend_from_slice(&net.buffers.pulled);
                        self.ended = !more;
                        return Ok(!net.buffers.pulled.is_empty());
                    }
                    Pull::Gone => return Err(client_gone()),
                    Pull::Refused(reject) => {
                        net.answer(target.token, reject.status(), reject.detail());
                        return Err(refused(reject));
                    }
                    Pull::Later => {
                        let awaited = net.awaited(target.token, Want::Read);
                        (awaited.ok_or_else(client_gone)?, timeout)
                    }
                }
            };
            wait(core, target, &awaited, timeout)?;
        }
    }
}

/// Waits for the client to send more, up to `timeout` milliseconds; then that is its answer.
fn wait(core: &WsgiCore, target: Target, awaited: &Awaited, timeout: u64) -> PyResult<()> {
    let start = Instant::now();
    let waited = || start.elapsed().as_millis() as u64;
    let ready = {
        let _pause = core.calls.pause(target);
        loop {
            let ready = awaited.wait(timeout.saturating_sub(waited()).min(BEAT_MS));
            core.goes_on(); // it is the client that lets wait
            if ready || waited() >= timeout {
                break ready;
            }
        }
    };
    core.net().note_waited(target.token, waited());
    if ready {
        return Ok(());
    }
    let reject = Reject::BodyTimeout;
    let mut net = core.net();
    if !net.answer(target.token, reject.status(), reject.detail()) {
        net.close_later(target.token);
    }
    net.wake();
    Err(refused(reject))
}

/// None and negative numbers mean all.
fn limit(size: Option<isize>) -> Option<usize> {
    size.and_then(|size| usize::try_from(size).ok())
}

#[pymethods]
impl Input {
    #[pyo3(signature = (size=None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        let target = self.target;
        let most = limit(size).unwrap_or(usize::MAX);
        let bytes = self.with(py, |core, buffer| {
            while buffer.rest().len() < most && buffer.fill(core, target)? {}
            Ok(buffer.take(most))
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[pyo3(signature = (size=None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.line(py, limit(size))?))
    }

    #[pyo3(signature = (hint=None, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<isize>) -> PyResult<Bound<'py, PyList>> {
        let lines = PyList::empty(py);
        let most = limit(hint).filter(|&hint| hint > 0).unwrap_or(usize::MAX);
        let mut total = 0;
        while total < most {
            let line = self.line(py, None)?;
            if line.is_empty() {
                break;
            }
            total += line.len();
            lines.append(PyBytes::new(py, &line))?;
        }
        Ok(lines)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.line(py, None)?;
        Ok((!line.is_empty()).then(|| PyBytes::new(py, &line)))
    }
}
