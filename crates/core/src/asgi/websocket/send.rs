//! `send()` of a WebSocket: messages of the application, checked for order and type.

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString};
use tricorn_wire::response::Fault;
use tricorn_wire::ws::close::{may_be_sent, NORMAL};
use tricorn_wire::ws::handshake::{answer, is_ours};

use super::super::core::{AsgiCore, State};
use super::super::exchange::{Asgi, AsgiExchange};
use super::super::fields::Fields;
use super::super::flow::{go_on, schedule_if_work, wait_for_room};
use super::super::send::{self as http, as_dict, kind_of};
use super::ending;
use crate::py::call::get_item;
use crate::py::client_gone;
use crate::py::ready;
use tricorn_net::Target;
use tricorn_net::{Conn, Sent};

/// The awaitable of one `send(message)`.
pub fn call<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    core.get().state.check_owner("send()")?;
    let message = as_dict(message)?;
    let kind = kind_of(&message)?;
    match kind.to_str()? {
        "websocket.send" => data(core, target, &message),
        "websocket.accept" => accept(core, target, &message),
        "websocket.close" => close(core, target, &message),
        "websocket.http.response.start" => {
            asked(&mut core.get().state.get(), target, "websocket.http.response.start")?;
            http::start(core, target, &message)
        }
        "websocket.http.response.body" => http::body(core, target, &message),
        other => Err(PyRuntimeError::new_err(format!(
            "send() got a message of unknown type {other:?}; for a websocket scope it takes \
             'websocket.accept', 'websocket.send' and 'websocket.close'"
        ))),
    }
}

/// The connection of a request that waits to be accepted, or the error that says why it does not.
fn asked<'s>(state: &'s mut State, target: Target, got: &str) -> PyResult<&'s mut Conn<Asgi>> {
    if state.net.websocket(target.token, target.seq).is_some() {
        let what = format!("send() got '{got}', but the WebSocket is accepted already");
        return Err(PyRuntimeError::new_err(what));
    }
    match state.net.exchange(target.token, target.seq) {
        Some(conn) if conn.is_broken() => Err(client_gone()),
        Some(conn) if !conn.egress.response.is_waiting() => {
            let what = format!("send() expected 'websocket.http.response.body', got '{got}'");
            Err(PyRuntimeError::new_err(what))
        }
        Some(conn) => Ok(conn),
        None => Err(client_gone()),
    }
}

fn accept<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let given = |key| -> PyResult<_> {
        Ok(get_item(message, key)?.filter(|value: &Bound<'py, PyAny>| !value.is_none()))
    };
    let subprotocol: Option<String> =
        given(intern!(py, "subprotocol"))?.map(|name| name.extract()).transpose()?;
    let fields = given(intern!(py, "headers"))?.map(|fields| Fields::read(&fields)).transpose()?;

    let mut state = core.get().state.get();
    let conn = asked(&mut state, target, "websocket.accept")?;
    write_head(conn, subprotocol.as_deref(), fields.as_ref())?;
    let sent = state.net.open_websocket(target.token);
    if let Some(conn) = state.net.websocket(target.token, target.seq) {
        conn.exchange.iter_mut().for_each(|exchange| exchange.websocket = None);
    }
    drop(state);
    schedule_if_work(core)?;
    if sent == Sent::Broken {
        return Err(client_gone());
    }
    ready::none(py)
}

/// The head of the answer, in `held` but for its end.
fn write_head(
    conn: &mut Conn<Asgi>,
    subprotocol: Option<&str>,
    fields: Option<&Fields>,
) -> PyResult<()> {
    let asked = conn.exchange.as_ref().and_then(|exchange| exchange.websocket.as_ref());
    let Some(offer) = asked.map(|asked| &asked.offer) else { return Err(client_gone()) };
    if let Some(name) = subprotocol.filter(|name| !offer.subprotocols.iter().any(|o| o == name)) {
        return Err(PyValueError::new_err(format!(
            "'subprotocol' of 'websocket.accept' must be one that the client offers \
             (scope[\"subprotocols\"] is {:?}), not {name:?}",
            offer.subprotocols
        )));
    }
    let status = if offer.accept.is_some() { 101 } else { 200 };
    conn.egress.held.clear();
    let ours = answer(offer, subprotocol);
    let written =
        conn.egress.response.switch(status, ours, &mut conn.egress.held).and_then(
            |()| match fields {
                Some(fields) => fields.each(|name, value| {
                    if name.eq_ignore_ascii_case(b"sec-websocket-protocol") {
                        return Err(Fault::FieldName);
                    }
                    let is_ours = is_ours(name);
                    if is_ours {
                        Ok(())
                    } else {
                        conn.egress.response.field(name, value, &mut conn.egress.held)
                    }
                }),
                None => Ok(()),
            },
        );
    written.map_err(|fault| {
        conn.egress.response.reopen();
        conn.egress.held.clear();
        PyValueError::new_err(format!("send(): {} (a subprotocol has its own key)", fault.detail()))
    })
}

/// What a `websocket.send` carries.
enum Data<'py> {
    Text(Bound<'py, PyString>),
    Bytes(Bound<'py, PyBytes>),
}

impl<'py> Data<'py> {
    fn read(message: &Bound<'py, PyDict>) -> PyResult<Self> {
        let py = message.py();
        if let Some(given) = get_item(message, intern!(py, "bytes"))?.filter(|b| !b.is_none()) {
            return Ok(Self::Bytes(http::body_bytes(&given, "bytes")?));
        }
        let text = get_item(message, intern!(py, "text"))?.filter(|text| !text.is_none());
        let text = text.ok_or_else(|| {
            PyValueError::new_err("'websocket.send' has neither 'bytes' nor 'text'")
        })?;
        text.cast_into::<PyString>().map(Self::Text).map_err(|error| {
            let found = error.into_inner().get_type();
            PyTypeError::new_err(format!("'text' must be a str, not {found}"))
        })
    }
}

fn data<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let data = Data::read(message)?;
    let (is_text, bytes) = match &data {
        Data::Text(text) => (true, text.to_str()?.as_bytes()),
        Data::Bytes(bytes) => (false, bytes.as_bytes()),
    };
    let mut state = core.get().state.get();
    open(&mut state, target)?;
    let keep = || match &data {
        Data::Text(_) => PyBackedBytes::from(PyBytes::new(py, bytes)),
        Data::Bytes(bytes) => PyBackedBytes::from(bytes.clone()),
    };
    let sent = state.net.send_message(target.token, is_text, bytes, keep);
    drop(state);
    after(core, target, sent)
}

/// The connection is open, or the error says why it is not.
fn open(state: &mut State, target: Target) -> PyResult<()> {
    if let Some(conn) = state.net.websocket(target.token, target.seq) {
        let is_over = conn.websocket.as_ref().is_none_or(|socket| socket.has_ended());
        return if is_over || conn.is_broken() { Err(client_gone()) } else { Ok(()) };
    }
    match state.net.exchange(target.token, target.seq) {
        Some(conn) if !conn.is_broken() => {
            Err(PyRuntimeError::new_err("send() expected 'websocket.accept', got 'websocket.send'"))
        }
        _ => Err(client_gone()),
    }
}

/// What a message leads to: a wait, a turn for others, or nothing.
fn after<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    sent: Sent,
) -> PyResult<Bound<'py, PyAny>> {
    if sent == Sent::Broken {
        schedule_if_work(core)?;
        return Err(client_gone());
    }
    let mut state = core.get().state.get();
    let Some(conn) = state.net.websocket(target.token, target.seq) else {
        return Err(client_gone());
    };
    if sent == Sent::Full {
        let waiter = wait_for_room(core, conn)?;
        drop(state);
        schedule_if_work(core)?;
        return ready::wait(core, target, waiter);
    }
    let due = conn.exchange.as_mut().is_some_and(AsgiExchange::is_due);
    let corked = state.net.is_corked();
    drop(state);
    go_on(core, corked, due)
}

fn close<'py>(
    core: &Bound<'py, AsgiCore>,
    target: Target,
    message: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let code = get_item(message, intern!(py, "code"))?.filter(|code| !code.is_none());
    let code = code.map_or(Ok(NORMAL), |code| code.extract::<u16>());
    let code = code.ok().filter(|code| may_be_sent(*code)).ok_or_else(|| {
        PyValueError::new_err(
            "'code' of 'websocket.close' must be one that may be sent: 1000 to 1014 but 1004, \
             1005 and 1006, or 3000 to 4999 (RFC 6455 section 7.4)",
        )
    })?;
    let reason = get_item(message, intern!(py, "reason"))?.filter(|reason| !reason.is_none());
    let reason: String = reason.map_or(Ok(String::new()), |reason| reason.extract())?;
    let is_open = core.get().state.get().net.websocket(target.token, target.seq).is_some();
    if is_open {
        open(&mut core.get().state.get(), target)?;
        ending::close(core, target, code, &reason)?;
        return ready::none(py);
    }
    let exchange = {
        let mut state = core.get().state.get();
        asked(&mut state, target, "websocket.close")?;
        let exchange = state.net.get(target.token).and_then(|conn| conn.exchange.take());
        state.net.answer(target.token, 403, "The WebSocket was refused.");
        exchange
    };
    if let Some(exchange) = exchange {
        ending::refused(core, exchange)?;
    }
    schedule_if_work(core)?;
    ready::none(py)
}
