//! The part of the configuration that the core needs, read once from the frozen Python object.

use crate::net::sys::descriptor_limit;
use crate::net::HealthPaths;
use pyo3::prelude::*;
use tricorn_wire::limits::{Limits, MAX_FIELDS};

/// Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub head: u64,
    pub keep_alive: u64,
    pub body: u64,
    pub write: u64,
    pub linger: u64,
}

/// What to do with header names that have an underscore, which WSGI can't tell from a hyphen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underscores {
    Drop,
    Refuse,
    Keep,
}

#[derive(Clone, Debug)]
pub struct Settings {
    pub limits: Limits,
    pub timeouts: Timeouts,
    /// Bytes per second that a request body must reach on average; 0 for any.
    pub body_rate: u64,
    /// Bytes of unread request body that are read and thrown away rather than the connection closed.
    pub discard: u64,
    /// Bytes of output that may wait before the application has to.
    pub write_buffer: usize,
    /// Open connections at the most.
    pub connections: usize,
    pub root_path: String,
    /// Where health is asked for.
    pub health: Option<HealthPaths>,
    pub server_header: bool,
    pub date_header: bool,
    pub underscores: Underscores,
    /// A request may take too long (`--slow-request`, `--request-timeout`).
    pub times_requests: bool,
}

impl Settings {
    /// Reads `tricorn.config.Config`. Its sections have checked the ranges already.
    pub fn read(config: &Bound<PyAny>) -> PyResult<Self> {
        let limits = config.getattr("limits")?;
        let timeouts = config.getattr("timeouts")?;
        let http = config.getattr("http")?;
        let size = |name: &str| -> PyResult<usize> { limits.getattr(name)?.extract() };
        let milliseconds = |name: &str| -> PyResult<u64> {
            let seconds: f64 = timeouts.getattr(name)?.extract()?;
            Ok((seconds * 1000.0) as u64)
        };
        let process = config.getattr("process")?;
        let seconds = |name: &str| -> PyResult<f64> { process.getattr(name)?.extract() };
        Ok(Self {
            times_requests: seconds("slow_request")? > 0.0 || seconds("request_timeout")? > 0.0,
            limits: Limits {
                head: size("head_size")?,
                fields: size("head_fields")?.min(MAX_FIELDS),
                target: size("target_size")?,
                body: size("body_size")? as u64,
            },
            timeouts: Timeouts {
                head: milliseconds("head")?,
                keep_alive: milliseconds("keep_alive")?,
                body: milliseconds("body")?,
                write: milliseconds("write")?,
                linger: milliseconds("linger")?,
            },
            body_rate: timeouts.getattr("body_rate")?.extract()?,
            discard: size("discard_size")? as u64,
            write_buffer: size("write_buffer")?,
            connections: match size("connections")? {
                // An eighth stays for the application's own files and sockets.
                0 => descriptor_limit() / 8 * 7,
                most => most,
            },
            root_path: http.getattr("root_path")?.extract()?,
            health: http.getattr("health_path")?.extract::<Option<String>>()?.map(HealthPaths::new),
            server_header: http.getattr("server_header")?.extract()?,
            date_header: http.getattr("date_header")?.extract()?,
            underscores: match http.getattr("underscore_headers")?.extract::<String>()?.as_str() {
                "keep" => Underscores::Keep,
                "refuse" => Underscores::Refuse,
                _ => Underscores::Drop,
            },
        })
    }
}
