//! The part of the configuration that the core needs, read once from the frozen Python object.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tricorn_net::settings::{Admission, Proxies, Settings, Timeouts, Underscores, WebSockets};
use tricorn_net::sys::descriptor_limit;
use tricorn_net::tls::Source;
use tricorn_net::HealthPaths;
use tricorn_wire::forwarded::Rules;
use tricorn_wire::limits::{Limits, MAX_FIELDS};
use tricorn_wire::proxy_protocol::Versions;
use tricorn_wire::trust::Trust;
use tricorn_wire::ws::deflate::offer::Wishes;

use crate::py::tls::TlsContext;

/// Reads `tricorn.config.Config`. Its sections have checked the ranges already.
pub fn read(config: &Bound<PyAny>) -> PyResult<Settings> {
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
    Ok(Settings {
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
        http2: read_http2(config)?,
        http2_only: spoken(config)? == "only",
        http2_trusted: read_cleartext(config)? == "trusted",
        proxy: read_proxies(&config.getattr("proxy")?)?,
        websockets: read_websockets(config)?,
        root_path: http.getattr("root_path")?.extract()?,
        many_processes: has_many_workers(&process)?,
        looks_at_heads: health.is_some() || admission.is_some(),
        health,
        admission,
        server_header: http.getattr("server_header")?.extract()?,
        date_header: http.getattr("date_header")?.extract()?,
        underscores: read_underscores(&http)?,
    })
}

fn read_websockets(config: &Bound<PyAny>) -> PyResult<WebSockets> {
    let section = config.getattr("websocket")?;
    let size = |name: &str| -> PyResult<usize> { section.getattr(name)?.extract() };
    let milliseconds = |name: &str| -> PyResult<u64> {
        let seconds: f64 = section.getattr(name)?.extract()?;
        Ok((seconds * 1000.0) as u64)
    };
    let flag = |name: &str| -> PyResult<bool> { section.getattr(name)?.extract() };
    let wishes = Wishes {
        bits: section.getattr("window_bits")?.extract()?,
        takes_over: flag("context_takeover")?,
    };
    Ok(WebSockets {
        max_size: size("max_size")?,
        max_queue: size("max_queue")?,
        ping_interval: milliseconds("ping_interval")?,
        ping_timeout: milliseconds("ping_timeout")?,
        close_timeout: milliseconds("close_timeout")?,
        deflate: flag("per_message_deflate")?.then_some(wishes),
    })
}

/// May the application run in another process, too?
fn has_many_workers(process: &Bound<PyAny>) -> PyResult<bool> {
    let workers = process.getattr("workers")?;
    Ok(!workers.is_none() && workers.getattr("most")?.extract::<u32>()? != 1)
}

fn read_underscores(http: &Bound<PyAny>) -> PyResult<Underscores> {
    Ok(match http.getattr("underscore_headers")?.extract::<String>()?.as_str() {
        "keep" => Underscores::Keep,
        "refuse" => Underscores::Refuse,
        _ => Underscores::Drop,
    })
}

/// RFC 9113 section 6.9.1.
const MOST_WINDOW: u32 = (1 << 31) - 1;

/// None if HTTP/2 is not spoken.
fn read_http2(config: &Bound<PyAny>) -> PyResult<Option<tricorn_http2::Limits>> {
    let section = config.getattr("http2")?;
    let number = |name: &str| -> PyResult<u32> { section.getattr(name)?.extract() };
    let (streams, stream_window) = (number("streams")?, number("stream_window")?);
    let limits = tricorn_http2::Limits {
        streams,
        head: config.getattr("limits")?.getattr("head_size")?.extract()?,
        stream_window,
        window: match number("window")? {
            0 => stream_window.saturating_mul(streams).min(MOST_WINDOW),
            window => window,
        },
        connect: false,
    };
    Ok((spoken(config)? != "off").then_some(limits))
}

/// "anyone" or "trusted".
fn read_cleartext(config: &Bound<PyAny>) -> PyResult<String> {
    config.getattr("http2")?.getattr("cleartext")?.extract()
}

/// "on", "off" or "only".
fn spoken(config: &Bound<PyAny>) -> PyResult<String> {
    config.getattr("http2")?.getattr("http2")?.extract()
}

fn read_identities(config: &Bound<PyAny>) -> PyResult<Option<Arc<Source>>> {
    let context: Option<Py<TlsContext>> = config.getattr("tls_context")?.extract()?;
    Ok(context.map(|context| context.get().source.clone()))
}

fn read_proxies(section: &Bound<PyAny>) -> PyResult<Proxies> {
    let words = |name: &str| -> PyResult<Vec<String>> { section.getattr(name)?.extract() };
    let trust = |name: &str| -> PyResult<Trust> {
        let wrong = |word: &str| PyValueError::new_err(format!("{word} is no address"));
        Trust::read(words(name)?.iter().map(String::as_str)).map_err(wrong)
    };
    let trusted = trust("trusted")?;
    let believed = if section.getattr("headers")?.extract()? {
        let lower = |word: &String| word.to_ascii_lowercase();
        let names: Vec<String> = words("believed")?.iter().map(lower).collect();
        let schemes = words("secure_schemes")?;
        let pair = |word: &String| word.split_once('=').map(|(n, v)| (n.into(), v.into()));
        let schemes: Vec<(String, String)> = schemes.iter().filter_map(pair).collect();
        let wrong = |name: &str| PyValueError::new_err(format!("{name} is not believed"));
        let names = names.iter().map(String::as_str);
        Some(Rules::new(trusted.clone(), names, schemes).map_err(wrong)?)
    } else {
        None
    };
    let versions = match section.getattr("protocol")?.extract::<String>()?.as_str() {
        "v1" => Some(Versions::One),
        "v2" => Some(Versions::Two),
        "auto" => Some(Versions::Both),
        _ => None,
    };
    let senders = trust("senders")?;
    Ok(Proxies {
        trust: trusted,
        believed,
        protocol: versions.map(|versions| (versions, senders)),
        request_ids: section.getattr("request_id")?.extract()?,
    })
}

/// None if any number is let in.
fn read_admission(section: &Bound<PyAny>) -> PyResult<Option<Admission>> {
    let in_flight = section.getattr("max_in_flight")?.extract()?;
    let queued = section.getattr("max_queued")?.extract()?;
    Ok((in_flight > 0).then_some(Admission { in_flight, queued }))
}
