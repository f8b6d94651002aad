//! The part of the configuration that the core needs, read once from the frozen Python object.

use std::sync::Arc;

use crate::net::sys::descriptor_limit;
use crate::net::tls::Source;
use crate::net::HealthPaths;
use crate::py::tls::TlsContext;
use pyo3::prelude::*;
use tricorn_wire::limits::{Limits, MAX_FIELDS};

/// Milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub head: u64,
    /// For the first byte of a new connection.
    pub first: u64,
    pub keep_alive: u64,
    pub body: u64,
    pub write: u64,
    pub linger: u64,
    /// In line for the application.
    pub queue: u64,
}

/// What to do with header names that have an underscore, which WSGI can't tell from a hyphen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underscores {
    Drop,
    Refuse,
    Keep,
}

/// How many requests the application gets at a time, and who waits.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// Requests that the application has at the most.
    pub in_flight: u64,
    /// Requests that wait at the most.
    pub queued: usize,
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
    /// What connections speak TLS with, if they do.
    pub identities: Option<Arc<Source>>,
    /// Strict-Transport-Security, over TLS.
    pub transport_security: Option<String>,
    pub root_path: String,
    /// Where health is asked for.
    pub health: Option<HealthPaths>,
    /// None if all requests go to the application.
    pub admission: Option<Admission>,
    /// Either of the two is there, or an address that redirects.
    pub looks_at_heads: bool,
    pub server_header: bool,
    pub date_header: bool,
    pub underscores: Underscores,
    /// A request may take too long (`--slow-request`, `--request-timeout`).
    pub times_requests: bool,
}

impl Settings {
    /// The scheme of the addresses that are served.
    pub fn scheme(&self) -> &'static str {
        if self.identities.is_some() {
            "https"
        } else {
            "http"
        }
    }

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
        let section = config.getattr("admission")?;
        let admission = read_admission(&section)?;
        let queue: f64 = section.getattr("queue_timeout")?.extract()?;
        let queue = (queue * 1000.0) as u64;
        let health: Option<String> = http.getattr("health_path")?.extract()?;
        let health = health.map(HealthPaths::new);
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
                first: milliseconds("head")?,
                keep_alive: milliseconds("keep_alive")?,
                body: milliseconds("body")?,
                write: milliseconds("write")?,
                linger: milliseconds("linger")?,
                queue,
            },
            body_rate: timeouts.getattr("body_rate")?.extract()?,
            discard: size("discard_size")? as u64,
            write_buffer: size("write_buffer")?,
            connections: match size("connections")? {
                // An eighth stays for the application's own files and sockets.
                0 => descriptor_limit() / 8 * 7,
                most => most,
            },
            identities: read_identities(config)?,
            transport_security: config.getattr("tls")?.getattr("transport_security")?.extract()?,
            root_path: http.getattr("root_path")?.extract()?,
            looks_at_heads: health.is_some() || admission.is_some(),
            health,
            admission,
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

fn read_identities(config: &Bound<PyAny>) -> PyResult<Option<Arc<Source>>> {
    let context: Option<Py<TlsContext>> = config.getattr("tls_context")?.extract()?;
    Ok(context.map(|context| context.get().source.clone()))
}

/// None if any number is let in.
fn read_admission(section: &Bound<PyAny>) -> PyResult<Option<Admission>> {
    let in_flight = section.getattr("max_in_flight")?.extract()?;
    let queued = section.getattr("max_queued")?.extract()?;
    Ok((in_flight > 0).then_some(Admission { in_flight, queued }))
}
