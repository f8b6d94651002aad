//! A request that asks for a WebSocket: what of its scope differs from that of HTTP.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tricorn_wire::head::Head;
use tricorn_wire::ws::handshake::{wanted, Offer, Wanted};

use super::super::core::AsgiCore;
use super::super::exchange::AsgiExchange;
use super::super::scope::Scopes;
use super::Asked;

/// What the request wants, by the rules of the handshake.
pub fn look(core: &Bound<'_, AsgiCore>, head: &Head) -> Wanted {
    wanted(head, core.get().state.get().net.settings.websockets.deflate)
}

/// Makes the scope of a WebSocket of that of a request.
pub fn turn_scope(scopes: &Scopes, scope: &Bound<'_, PyDict>, offer: &Offer) -> PyResult<()> {
    let py = scope.py();
    scope.set_item(intern!(py, "type"), intern!(py, "websocket"))?;
    let scheme = scope.get_item(intern!(py, "scheme"))?;
    let is_safe = scheme.is_some_and(|scheme| scheme.eq("https").unwrap_or(false));
    scope.set_item(intern!(py, "scheme"), if is_safe { "wss" } else { "ws" })?;
    scope.del_item(intern!(py, "method"))?;
    scope.set_item(intern!(py, "subprotocols"), PyList::new(py, &offer.subprotocols)?)?;
    let Some(all) = scope.get_item(intern!(py, "extensions"))? else { return Ok(()) };
    let extensions = scopes.of_websocket(&all.cast_into()?)?;
    scope.set_item(intern!(py, "extensions"), extensions)
}

/// What is kept with the request.
pub fn exchange(offer: Offer) -> AsgiExchange {
    let asked = Asked { offer, is_told: false };
    AsgiExchange { websocket: Some(Box::new(asked)), ..AsgiExchange::default() }
}
