//! The environ of a request (PEP 3333, "environ Variables"; RFC 3875 for the CGI names).
//!
//! All text is str of code points up to 255 ("bytes as str", PEP 3333 "Unicode Issues"). Nothing of
//! the process environment gets in. Beyond the PEP: `RAW_URI` (the target as sent), `REMOTE_PORT`,
//! `wsgi.input_terminated` (reading to the end is safe), `wsgi.file_wrapper`.

use std::net::SocketAddr;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use tricorn_wire::head::{Framing, Head};

use super::file::FileWrapper;
use super::tls;
use crate::asgi::scope::{decode_percent, method};
use crate::py::call::ascii;
use crate::py::names::{is_known, FieldCache, Make};
use tricorn_net::settings::{Settings, Underscores};
use tricorn_net::via::{Meant, Via};

pub struct Environs {
    /// An environ without a request, per listener; copied for each request.
    prototypes: Vec<Py<PyDict>>,
    /// Per listener: does it have no host and port, as a unix socket?
    nameless: Vec<bool>,
    base: Py<PyDict>,
    keep_underscores: bool,
    /// The scheme of a prototype is https.
    secure: bool,
    fields: FieldCache<WsgiField>,
    /// Per slot.
    clients: Vec<Option<Client>>,
}

/// The peer of one connection as str, made once.
struct Client {
    generation: u32,
    address: Py<PyString>,
    port: Py<PyString>,
}

/// A field as its environ key and its value, both str.
struct WsgiField;

impl Make for WsgiField {
    fn name<'py>(py: Python<'py>, name: &[u8]) -> Bound<'py, PyAny> {
        let upper = |byte: &u8| if *byte == b'-' { '_' } else { byte.to_ascii_uppercase() as char };
        let text: String = name.iter().map(upper).collect();
        let key = match text.as_str() {
            "CONTENT_TYPE" | "CONTENT_LENGTH" => text,
            _ => format!("HTTP_{text}"),
        };
        // Only what is known: some versions of CPython keep interned strings for ever.
        if is_known(name) {
            PyString::intern(py, &key).into_any()
        } else {
            PyString::new(py, &key).into_any()
        }
    }

    fn value<'py>(
        py: Python<'py>,
        _name: &Bound<'py, PyAny>,
        value: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        latin1(py, value)
    }
}

impl Environs {
    pub fn new(py: Python<'_>, settings: &Settings, multithread: bool) -> PyResult<Self> {
        let base = PyDict::new(py);
        base.set_item("wsgi.version", (1, 0))?;
        base.set_item("wsgi.url_scheme", settings.scheme())?;
        base.set_item("wsgi.errors", py.import("sys")?.getattr("stderr")?)?;
        base.set_item("wsgi.multithread", PyBool::new(py, multithread))?;
        base.set_item("wsgi.multiprocess", PyBool::new(py, settings.many_processes))?;
        base.set_item("wsgi.run_once", PyBool::new(py, false))?;
        base.set_item("wsgi.input_terminated", PyBool::new(py, true))?;
        base.set_item("wsgi.file_wrapper", py.get_type::<FileWrapper>())?;
        base.set_item("SERVER_SOFTWARE", concat!("tricorn/", env!("CARGO_PKG_VERSION")))?;
        base.set_item("SERVER_PROTOCOL", "HTTP/1.1")?;
        base.set_item("SCRIPT_NAME", latin1(py, settings.root_path.as_bytes())?)?;
        Ok(Self {
            prototypes: Vec::new(),
            nameless: Vec::new(),
            base: base.unbind(),
            keep_underscores: settings.underscores == Underscores::Keep,
            secure: settings.identities.is_some(),
            fields: FieldCache::new(),
            clients: Vec::new(),
        })
    }

    pub fn add_listener(&mut self, py: Python<'_>, host: &str, port: &str) -> PyResult<()> {
        let prototype = self.base.bind(py).copy()?;
        // A copy that has every key and room for the fields is only filled in, never resized: the
        // table keeps the size that the two keys taken out again have made it grow to.
        let every = ["REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REMOTE_ADDR"];
        for key in every.into_iter().chain(["REMOTE_PORT", "wsgi.input", "room", "more room"]) {
            prototype.set_item(PyString::intern(py, key), py.None())?;
        }
        prototype.del_item("room")?;
        prototype.del_item("more room")?;
        prototype.set_item("SERVER_NAME", host)?;
        prototype.set_item("SERVER_PORT", port)?;
        self.prototypes.push(prototype.unbind());
        self.nameless.push(port.is_empty());
        Ok(())
    }

    /// The environ of one request, but for `wsgi.input`.
    pub fn build<'py>(
        &mut self,
        py: Python<'py>,
        head: &Head,
        via: &Via,
    ) -> PyResult<Bound<'py, PyDict>> {
        let environ = self.prototypes[via.listener as usize].bind(py).copy()?;
        match head.minor {
            1 => {}
            0 => environ.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/1.0"))?,
            _ => environ.set_item(intern!(py, "SERVER_PROTOCOL"), intern!(py, "HTTP/2"))?,
        }
        environ.set_item(intern!(py, "REQUEST_METHOD"), method(py, head.method)?)?;
        let raw = latin1(py, head.target.raw)?;
        let path = match head.target.path {
            path if path.len() == head.target.raw.len() && !path.contains(&b'%') => raw.clone(),
            path => latin1(py, &decode_percent(path))?,
        };
        environ.set_item(intern!(py, "RAW_URI"), raw)?;
        environ.set_item(intern!(py, "PATH_INFO"), path)?;
        environ.set_item(intern!(py, "QUERY_STRING"), latin1(py, head.target.query)?)?;
        if let Some(secured) = &via.secured {
            tls::set_variables(&environ, secured)?;
        }
        self.set_client(&environ, via)?;
        self.set_fields(&environ, head, via)?;
        if via.secure != self.secure {
            let scheme = if via.secure { "https" } else { "http" };
            environ.set_item(intern!(py, "wsgi.url_scheme"), scheme)?;
            if !via.secure && via.secured.is_some() {
                environ.del_item(intern!(py, "HTTPS"))?; // that of the proxy, not of its client
            }
        }
        if self.nameless[via.listener as usize] {
            set_name(&environ, head, via)?;
        }
        if let Some(place) = &via.place {
            set_place(&environ, place)?;
        }
        Ok(environ)
    }

    fn set_client(&mut self, environ: &Bound<'_, PyDict>, via: &Via) -> PyResult<()> {
        let py = environ.py();
        let Some(carrier) = via.carrier else {
            let (address, port) = texts(via.client);
            environ.set_item(intern!(py, "REMOTE_ADDR"), address)?;
            return environ.set_item(intern!(py, "REMOTE_PORT"), port);
        };
        let slot = carrier.slot as usize;
        if self.clients.len() <= slot {
            self.clients.resize_with(slot + 1, || None);
        }
        if self.clients[slot].as_ref().is_none_or(|known| known.generation != carrier.generation) {
            let (address, port) = texts(via.client);
            self.clients[slot] = Some(Client {
                generation: carrier.generation,
                address: PyString::new(py, &address).unbind(),
                port: PyString::new(py, &port).unbind(),
            });
        }
        if let Some(Client { address, port, .. }) = &self.clients[slot] {
            environ.set_item(intern!(py, "REMOTE_ADDR"), address)?;
            environ.set_item(intern!(py, "REMOTE_PORT"), port)?;
        }
        Ok(())
    }

    fn set_fields(&mut self, environ: &Bound<'_, PyDict>, head: &Head, via: &Via) -> PyResult<()> {
        let py = environ.py();
        let authority = via.authority();
        if let (Some(authority), false) = (authority, head.has_host) {
            environ.set_item(intern!(py, "HTTP_HOST"), latin1(py, authority)?)?;
        }
        for field in head.fields {
            if !self.keep_underscores && field.name.contains('_') {
                continue;
            }
            // RFC 9112 §3.2.2: the authority of an absolute-form target replaces Host.
            let value = match authority {
                Some(authority) if field.name.eq_ignore_ascii_case("host") => authority,
                _ => field.value,
            };
            let (key, object) = self.fields.get(py, field.name.as_bytes(), value)?;
            let object = match field.name.len() {
                14 if field.name.eq_ignore_ascii_case("content-length") => {
                    content_length(py, value, head.framing).unwrap_or(object)
                }
                _ => object,
            };
            add_field(environ, &key, &object)?;
        }
        match &via.id {
            Some(id) => set_id(environ, id),
            None => Ok(()),
        }
    }
}

/// Address and port. Of a unix socket, and of who is not known, they are there and empty
/// (RFC 3875 §4.1.8).
fn texts(client: Option<SocketAddr>) -> (String, String) {
    match client {
        Some(client) => (client.ip().to_canonical().to_string(), client.port().to_string()),
        None => (String::new(), String::new()),
    }
}

/// SERVER_NAME and SERVER_PORT on a unix socket, which are never empty (PEP 3333): what Host says, else
/// the usual.
fn set_name(environ: &Bound<'_, PyDict>, head: &Head, via: &Via) -> PyResult<()> {
    let py = environ.py();
    let (name, port) = via.named(head);
    environ.set_item(intern!(py, "SERVER_NAME"), name)?;
    environ.set_item(intern!(py, "SERVER_PORT"), port.to_string())
}

/// Where the client thinks that it is connected to, and what a proxy has taken from the path.
fn set_place(environ: &Bound<'_, PyDict>, place: &Meant) -> PyResult<()> {
    let py = environ.py();
    if let Some(prefix) = place.prefix {
        environ.set_item(intern!(py, "SCRIPT_NAME"), prefix)?;
    }
    if let Some(host) = &place.host {
        environ.set_item(intern!(py, "SERVER_NAME"), host)?;
    }
    if let Some(port) = place.port {
        environ.set_item(intern!(py, "SERVER_PORT"), port.to_string())?;
    }
    Ok(())
}

/// The request's own id replaces whatever a client has sent.
fn set_id(environ: &Bound<'_, PyDict>, id: &str) -> PyResult<()> {
    let py = environ.py();
    let id = PyString::new(py, id);
    environ.set_item(intern!(py, "HTTP_X_REQUEST_ID"), &id)?;
    environ.set_item(intern!(py, "tricorn.request_id"), id)
}

/// Sets a field, or joins it to the ones of the same name that came before (RFC 9110 §5.3).
fn add_field<'py>(
    environ: &Bound<'py, PyDict>,
    key: &Bound<'py, PyAny>,
    value: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let py = environ.py();
    let before = environ.len();
    // SAFETY: all three are live; what comes back is borrowed from the dict, and made a reference
    // of our own before anything else can run.
    let present = unsafe {
        let item = ffi::PyDict_SetDefault(environ.as_ptr(), key.as_ptr(), value.as_ptr());
        Bound::from_borrowed_ptr_or_err(py, item)?
    };
    if environ.len() > before {
        return Ok(());
    }
    let between = match key.cast::<PyString>()?.to_str()? {
        // Repeated lengths are identical, or the request would have been refused.
        "CONTENT_LENGTH" => return Ok(()),
        "HTTP_COOKIE" => "; ",
        _ => ",",
    };
    let joined = format!("{}{between}{}", present.str()?.to_str()?, value.str()?.to_str()?);
    environ.set_item(key, joined)
}

/// The header fields say `5, 5` for a length of 5; an environ has one number (RFC 9112 §6.3).
fn content_length<'py>(
    py: Python<'py>,
    value: &[u8],
    framing: Framing,
) -> Option<Bound<'py, PyAny>> {
    match framing {
        Framing::Length(length) if value.contains(&b',') => {
            Some(PyString::new(py, itoa::Buffer::new().format(length)).into_any())
        }
        _ => None,
    }
}

/// Bytes as a str of the same code points.
pub fn latin1<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    if bytes.is_ascii() {
        return ascii(py, bytes);
    }
    let text: String = bytes.iter().map(|&byte| byte as char).collect();
    Ok(PyString::new(py, &text).into_any())
}
