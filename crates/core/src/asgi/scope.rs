//! The scope of a request (ASGI HTTP spec 2.5, "HTTP connection scope").
//!
//! Shape: `{"type": "http", "asgi": {"version", "spec_version"}, "http_version": "1.0"|"1.1",
//! "method": str, "scheme": str, "path": str, "raw_path": bytes, "query_string": bytes,
//! "root_path": str, "headers": [(bytes, bytes)], "client": (str, int)|None,
//! "server": (str, int|None), "extensions": dict, "state": dict}`.

use std::borrow::Cow;
use std::net::SocketAddr;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use tricorn_wire::head::{Framing, Head};

use super::tls;
use crate::py::call::{ascii, list, pair};
use crate::py::names::{FieldCache, Make};
use tricorn_net::settings::Settings;
use tricorn_net::via::{Meant, Via};

/// The extensions that scopes announce.
struct Extensions {
    http: Announced,
    /// Only in the scope of a WebSocket, with some of the others.
    websocket: Announced,
    tls: bool,
}

impl Extensions {
    fn read(names: &Bound<'_, PyDict>) -> PyResult<Self> {
        let (mut http, mut websocket, mut tls) = (Vec::new(), Vec::new(), false);
        for name in names.keys() {
            match name.extract::<String>()?.as_str() {
                "tls" => tls = true,
                text if text.starts_with("websocket.") => websocket.push(name),
                _ => http.push(name),
            }
        }
        Ok(Self { http: Announced::new(http)?, websocket: Announced::new(websocket)?, tls })
    }
}

/// Names of extensions, and a dict that has them all: a copy of it is only filled in, never resized.
struct Announced {
    names: Vec<Py<PyAny>>,
    prototype: Option<Py<PyDict>>,
}

impl Announced {
    fn new(names: Vec<Bound<'_, PyAny>>) -> PyResult<Self> {
        let prototype = names.first().map(|name| PyDict::new(name.py()));
        for name in &names {
            if let Some(prototype) = &prototype {
                prototype.set_item(name, name.py().None())?;
            }
        }
        let names = names.into_iter().map(Bound::unbind).collect();
        Ok(Self { names, prototype: prototype.map(Bound::unbind) })
    }

    /// `{name: {}}` of each.
    fn fresh<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Some(prototype) = &self.prototype else { return Ok(PyDict::new(py)) };
        let extensions = prototype.bind(py).copy()?;
        for name in &self.names {
            extensions.set_item(name, PyDict::new(py))?;
        }
        Ok(extensions)
    }
}

/// What all scopes share, and what is worth keeping per connection.
pub struct Scopes {
    /// A scope without a request, per listener; copied for each request.
    prototypes: Vec<Py<PyDict>>,
    base: Py<PyDict>,
    /// The parts that each scope has a copy of, as what one request writes is not for another.
    asgi: Py<PyDict>,
    extensions: Extensions,
    state: Option<Py<PyDict>>,
    root_path: String,
    /// The scheme of a prototype is https.
    secure: bool,
    /// (generation, client) per slot.
    clients: Vec<Option<(u32, Py<PyAny>)>>,
    fields: FieldCache<AsgiField>,
}

/// A field as `(name in lower case, value)`, both bytes; the value object is the pair.
struct AsgiField;

impl Make for AsgiField {
    fn name<'py>(py: Python<'py>, name: &[u8]) -> Bound<'py, PyAny> {
        PyBytes::new(py, &name.to_ascii_lowercase()).into_any()
    }

    fn value<'py>(
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        value: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        pair(name, PyBytes::new(py, value).into_any())
    }
}

impl FieldCache<AsgiField> {
    fn pair<'py>(
        &mut self,
        py: Python<'py>,
        name: &str,
        value: &[u8],
    ) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.get(py, name.as_bytes(), value)?.1)
    }
}

impl Scopes {
    pub fn new(
        py: Python<'_>,
        settings: &Settings,
        extensions: &Bound<'_, PyDict>,
        state: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let asgi = PyDict::new(py);
        asgi.set_item("version", "3.0")?;
        asgi.set_item("spec_version", "2.5")?;
        let base = PyDict::new(py);
        base.set_item("type", "http")?;
        base.set_item("asgi", py.None())?;
        base.set_item("http_version", "1.1")?;
        base.set_item("scheme", settings.scheme())?;
        base.set_item("root_path", &settings.root_path)?;
        // A copy that has every key already is only filled in, never resized.
        for key in [
            "method",
            "path",
            "raw_path",
            "query_string",
            "headers",
            "client",
            "server",
            "extensions",
        ] {
            base.set_item(PyString::intern(py, key), py.None())?;
        }
        if state.is_some() {
            base.set_item(PyString::intern(py, "state"), py.None())?;
        }
        Ok(Self {
            prototypes: Vec::new(),
            base: base.unbind(),
            asgi: asgi.unbind(),
            extensions: Extensions::read(extensions)?,
            state: state.map(|state| state.clone().unbind()),
            root_path: settings.root_path.clone(),
            secure: settings.identities.is_some(),
            clients: Vec::new(),
            fields: FieldCache::new(),
        })
    }

    pub fn add_listener(&mut self, py: Python<'_>, server: Bound<'_, PyAny>) -> PyResult<()> {
        let prototype = self.base.bind(py).copy()?;
        prototype.set_item("server", server)?;
        self.prototypes.push(prototype.unbind());
        Ok(())
    }

    /// The scope of one request.
    pub fn build<'py>(
        &mut self,
        py: Python<'py>,
        head: &Head,
        via: &Via,
    ) -> PyResult<Bound<'py, PyDict>> {
        let client = self.client(py, via)?;
        let scope = self.prototypes[via.listener as usize].bind(py).copy()?;
        match head.minor {
            1 => {}
            0 => scope.set_item(intern!(py, "http_version"), intern!(py, "1.0"))?,
            _ => scope.set_item(intern!(py, "http_version"), intern!(py, "2"))?,
        }
        scope.set_item(intern!(py, "method"), method(py, head.method)?)?;
        self.set_path(&scope, head, via.prefix())?;
        scope.set_item(intern!(py, "query_string"), PyBytes::new(py, head.target.query))?;
        scope.set_item(intern!(py, "headers"), headers(py, head, via, &mut self.fields)?)?;
        scope.set_item(intern!(py, "client"), client)?;
        if let Some(state) = &self.state {
            scope.set_item(intern!(py, "state"), state.bind(py).copy()?)?;
        }
        scope.set_item(intern!(py, "asgi"), self.asgi.bind(py).copy()?)?;
        let extensions = self.extensions.http.fresh(py)?;
        if let (Some(secured), true) = (&via.secured, self.extensions.tls) {
            extensions.set_item(intern!(py, "tls"), tls::extension(py, secured)?)?;
        }
        if let Some(id) = &via.id {
            let named = PyDict::new(py);
            named.set_item(intern!(py, "id"), &**id)?;
            extensions.set_item(intern!(py, "tricorn.request_id"), named)?;
        }
        scope.set_item(intern!(py, "extensions"), extensions)?;
        if via.secure != self.secure {
            scope.set_item(intern!(py, "scheme"), if via.secure { "https" } else { "http" })?;
        }
        if let Some(place) = &via.place {
            set_server(&scope, place)?;
        }
        Ok(scope)
    }

    /// The extensions of a WebSocket whose request has announced `all`.
    pub fn of_websocket<'py>(&self, all: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
        let extensions = self.extensions.websocket.fresh(all.py())?;
        for name in ["tls", "tricorn.request_id", "tricorn.shutdown"] {
            if let Some(extension) = all.get_item(name)? {
                extensions.set_item(name, extension)?;
            }
        }
        Ok(extensions)
    }

    fn set_path(
        &self,
        scope: &Bound<'_, PyDict>,
        head: &Head,
        prefix: Option<&str>,
    ) -> PyResult<()> {
        let py = scope.py();
        let raw = head.target.path;
        if let Some(prefix) = prefix {
            scope.set_item(intern!(py, "root_path"), prefix)?;
        }
        let is_below = raw != b"*"; // the server itself is asked about (RFC 9110 §9.3.7)
        let root_path = prefix.unwrap_or(&self.root_path);
        let root_path = if is_below { root_path } else { "" };
        let plain = root_path.is_empty() && !raw.contains(&b'%');
        if plain {
            scope.set_item(intern!(py, "path"), ascii(py, raw)?)?;
            return scope.set_item(intern!(py, "raw_path"), PyBytes::new(py, raw));
        }
        let decoded = decode_percent(raw);
        let path = format!("{root_path}{}", String::from_utf8_lossy(&decoded));
        scope.set_item(intern!(py, "path"), PyString::new(py, &path))?;
        let raw = [root_path.as_bytes(), raw].concat();
        scope.set_item(intern!(py, "raw_path"), PyBytes::new(py, &raw))
    }

    /// `(host, port)` of the client, made once per connection if it is the peer; None for unix
    /// sockets, and if it is not known.
    fn client<'py>(&mut self, py: Python<'py>, via: &Via) -> PyResult<Bound<'py, PyAny>> {
        let Some(carrier) = via.carrier else { return client(py, via.client) };
        let slot = carrier.slot as usize;
        if let Some(Some((generation, client))) = self.clients.get(slot) {
            if *generation == carrier.generation {
                return Ok(client.bind(py).clone());
            }
        }
        let client = client(py, via.client)?;
        if self.clients.len() <= slot {
            self.clients.resize_with(slot + 1, || None);
        }
        self.clients[slot] = Some((carrier.generation, client.clone().unbind()));
        Ok(client)
    }
}

fn client(py: Python<'_>, address: Option<SocketAddr>) -> PyResult<Bound<'_, PyAny>> {
    Ok(match address {
        Some(address) => {
            let host = address.ip().to_canonical().to_string();
            (host, address.port()).into_pyobject(py)?.into_any()
        }
        None => py.None().into_bound(py),
    })
}

/// Where the client thinks that it is connected to; without a host, that of the listener.
fn set_server(scope: &Bound<'_, PyDict>, place: &Meant) -> PyResult<()> {
    let py = scope.py();
    let Some(port) = place.port else { return Ok(()) };
    let server = match (place.host.as_deref(), scope.get_item(intern!(py, "server"))?) {
        (Some(host), _) => (host, port).into_pyobject(py)?,
        (None, Some(listener)) if !listener.is_none() => {
            (listener.get_item(0)?, port).into_pyobject(py)?
        }
        (None, _) => return Ok(()),
    };
    scope.set_item(intern!(py, "server"), server)
}

/// The method as str, the usual ones interned.
pub fn method<'py>(py: Python<'py>, method: &str) -> PyResult<Bound<'py, PyAny>> {
    Ok(match method {
        "GET" => intern!(py, "GET").clone(),
        "POST" => intern!(py, "POST").clone(),
        "HEAD" => intern!(py, "HEAD").clone(),
        "PUT" => intern!(py, "PUT").clone(),
        "DELETE" => intern!(py, "DELETE").clone(),
        "OPTIONS" => intern!(py, "OPTIONS").clone(),
        "PATCH" => intern!(py, "PATCH").clone(),
        other => PyString::new(py, other),
    }
    .into_any())
}

fn headers<'py>(
    py: Python<'py>,
    head: &Head,
    via: &Via,
    fields: &mut FieldCache<AsgiField>,
) -> PyResult<Bound<'py, PyList>> {
    let length = repeated_length(head);
    if via.place.is_none() && via.id.is_none() && length.is_none() {
        let fields = head.fields.iter().map(|field| fields.pair(py, field.name, field.value));
        return list(py, fields);
    }
    let mut given: Vec<(&str, &[u8])> =
        head.fields.iter().map(|field| (field.name, field.value)).collect();
    if let Some(length) = &length {
        given.retain(|(name, _)| !is_length(name));
        given.push(("content-length", length.as_bytes()));
    }
    if let Some(id) = &via.id {
        given.retain(|(name, _)| !name.eq_ignore_ascii_case("x-request-id"));
        given.push(("x-request-id", id.as_bytes()));
    }
    // RFC 9112 §3.2.2: the authority of an absolute-form target replaces Host.
    if let Some(authority) = via.authority() {
        match given.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("host")) {
            Some((_, value)) => *value = authority,
            None => given.insert(0, ("host", authority)),
        }
    }
    list(py, given.iter().map(|(name, value)| fields.pair(py, name, value)))
}

fn is_length(name: &str) -> bool {
    name.len() == 14 && name.eq_ignore_ascii_case("content-length")
}

/// The one value of a Content-Length that was repeated (RFC 9110 §8.6).
fn repeated_length(head: &Head) -> Option<String> {
    let mut fields = head.fields.iter().filter(|field| is_length(field.name));
    let first = fields.next()?;
    let is_repeated = fields.next().is_some() || first.value.contains(&b',');
    match head.framing {
        Framing::Length(length) if is_repeated => Some(length.to_string()),
        _ => None,
    }
}

/// `%41` → `A`; escapes that are not two hex digits stay as they are.
pub fn decode_percent(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'%') {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        match escaped(&raw[at..]) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(raw[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(*high)? * 16 + digit(*low)?) as u8)
}
