//! What a message that was sent leads to: a wait for the client, a turn for others, or nothing.

use pyo3::prelude::*;

use super::core::{schedule, AsgiCore};
use super::drive::new_waiter;
use super::exchange::Asgi;
use crate::py::future::Waiter;
use crate::py::ready;
use tricorn_net::Conn;

/// What the sender waits for while its client reads too slowly.
pub fn wait_for_room<'py>(
    core: &Bound<'py, AsgiCore>,
    conn: &mut Conn<Asgi>,
) -> PyResult<Bound<'py, Waiter>> {
    conn.wants_drain = true;
    let waiter = new_waiter(core)?;
    if let Some(exchange) = &mut conn.exchange {
        exchange.senders.push(waiter.clone().unbind());
    }
    Ok(waiter)
}

/// The sender may go on, after a turn for others if one is `due`.
pub fn go_on<'py>(
    core: &Bound<'py, AsgiCore>,
    corked: bool,
    due: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    if corked {
        schedule(core)?;
    }
    if due {
        return ready::give_way(py);
    }
    ready::none(py)
}

/// Has the reactor go on if a message has left it something to do: output, or lines of the log.
pub fn schedule_if_work(core: &Bound<'_, AsgiCore>) -> PyResult<()> {
    let work = {
        let state = core.get().state.get();
        state.net.has_work() || state.net.has_lines()
    };
    if work {
        schedule(core)
    } else {
        Ok(())
    }
}
