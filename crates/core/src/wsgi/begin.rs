//! From a request head to an environ, and to a body that is there when the application starts.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyIterator};
use tricorn_net::Interface;
use tricorn_wire::head::{Framing, Slots};
use tricorn_wire::reject::Reject;

use super::calls::Account;
use super::core::WsgiCore;
use super::routes::Route;
use tricorn_net::access::AccessLog;
use tricorn_net::settings::Underscores;
use tricorn_net::sys::is_reset;
use tricorn_net::{Head, Pull, Target, Token};

/// Bodies up to this size are read before the application is called, so that it never blocks on
/// them; larger ones it reads as they come.
const GATHER: usize = 64 * 1024;

/// WSGI, as the reactor knows it.
pub enum Wsgi {}

impl Interface for Wsgi {
    type Exchange = WsgiExchange;
    type Bytes = PyBackedBytes;
}

/// What is kept with a request that a WSGI application serves.
#[derive(Default)]
pub struct WsgiExchange {
    /// Until the application is called.
    pub environ: Option<Py<PyDict>>,
    route: Route,
    /// The start of the body.
    gathered: Vec<u8>,
    /// A response that goes on when the output has drained.
    pub suspended: Option<Suspended>,
}

/// An iterable whose client reads slowly: it waits here, not in a thread.
pub struct Suspended {
    pub target: Target,
    pub iterator: Py<PyIterator>,
    pub result: Py<PyAny>,
    pub environ: Py<PyDict>,
    pub account: Account,
}

/// A request that can be served now.
pub struct Request {
    pub target: Target,
    pub environ: Py<PyDict>,
    pub route: Route,
    pub gathered: Vec<u8>,
}

/// The head is whole: the request is ready too, or its body is awaited.
pub fn begin(core: &Bound<'_, WsgiCore>, token: Token, head: Head) -> PyResult<Option<Request>> {
    let py = core.py();
    let this = core.get();
    let mut slots = Slots::new();
    let (limits, underscores) = {
        let net = this.net();
        (net.settings.limits, net.settings.underscores)
    };
    let parsed = head.parse(&mut slots, &limits).and_then(|parsed| {
        let refused = underscores == Underscores::Refuse
            && parsed.fields.iter().any(|field| field.name.contains('_'));
        if refused {
            Err(Reject::UnderscoreField)
        } else {
            Ok(parsed)
        }
    });
    let parsed = parsed.and_then(|parsed| {
        let via = this.net().via(token, &parsed).transpose()?;
        Ok((parsed, via))
    });
    let (parsed, via) = match parsed {
        Ok((parsed, Some(via))) => (parsed, via),
        Ok((_, None)) => return Ok(None),
        Err(reject) => {
            this.net().reject(token, head, reject);
            return Ok(None);
        }
    };
    let built = this.lock_environs().build(py, &parsed, &via);
    let environ = match built {
        Ok(environ) => environ,
        Err(error) => {
            this.net().fail(token, head);
            this.warn(py, &format!("an environ could not be made: {error}"));
            return Ok(None);
        }
    };
    // Read before the reactor is locked, since an environ may hold anything.
    let wanted = this.net().access.as_ref().map(AccessLog::variables).unwrap_or_default();
    let read =
        |name: &str| -> Option<String> { environ.get_item(name).ok()??.str().ok()?.extract().ok() };
    let variables: Vec<_> = wanted.into_iter().map(|name| (read(&name), name)).collect();
    let variable = |name: &str| {
        variables.iter().find(|(_, known)| known == name).and_then(|(value, _)| value.clone())
    };
    let begin = this.net().begin_of(&parsed, via, &variable);
    let route = Route::new(parsed.method.as_bytes(), parsed.target.path);
    let at_once = begin.framing == Framing::Length(0) || begin.expects_continue;
    let exchange =
        WsgiExchange { environ: Some(environ.unbind()), route, ..WsgiExchange::default() };
    this.net().begin(token, head, begin, exchange);
    // Before the application is asked whether it wants the body, no 100 (Continue) may be sent.
    Ok(if at_once { take(this, token) } else { gather(this, token) })
}

/// Reads what has come of the body; the request is ready once that is all of it, or enough.
pub fn gather(core: &WsgiCore, token: Token) -> Option<Request> {
    let mut net = core.net();
    loop {
        let conn = net.get(token)?;
        conn.wants_body = false;
        let room = match &conn.exchange {
            Some(exchange) if exchange.environ.is_some() => GATHER - exchange.gathered.len(),
            _ => return None,
        };
        if room == 0 || conn.body_done() {
            break;
        }
        match net.pull(token, room) {
            Pull::Data { .. } => {
                let bytes = std::mem::take(&mut net.buffers.pulled);
                let exchange = net.get(token)?.exchange.as_mut()?;
                if exchange.gathered.is_empty() {
                    exchange.gathered = bytes;
                } else {
                    exchange.gathered.extend_from_slice(&bytes);
                    net.buffers.pulled = bytes;
                }
            }
            Pull::Later => {
                net.want_body(token);
                return None;
            }
            Pull::Gone => {
                net.close_later(token);
                return None;
            }
            Pull::Refused(reject) => {
                let exchange = net.answer_or_cut(token, reject.status(), reject.detail());
                drop(net);
                drop(exchange);
                return None;
            }
        }
    }
    drop(net);
    take(core, token)
}

fn take(core: &WsgiCore, token: Token) -> Option<Request> {
    let mut net = core.net();
    // Behind calls that took long, a client may have gone since the poller was last asked.
    let stale = net.is_stale();
    let conn = net.get(token)?;
    let seq = conn.seq;
    if conn.is_broken() || (stale && is_reset(conn.fd())) {
        net.close_later(token); // nobody is there to read the answer
        return None;
    }
    let exchange = conn.exchange.as_mut()?;
    let request = Request {
        target: Target { token, seq },
        environ: exchange.environ.take()?,
        route: exchange.route,
        gathered: std::mem::take(&mut exchange.gathered),
    };
    net.call_begins(token);
    Some(request)
}

/// The body came too slowly, and the application has not been called.
pub fn stalled(core: &WsgiCore, token: Token, reject: Reject) -> Option<WsgiExchange> {
    let mut net = core.net();
    net.answer_or_cut(token, reject.status(), reject.detail())
}
