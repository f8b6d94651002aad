//! The extension module `tricorn._core`: what the reactor (`tricorn_net`) and Python have to do with each
//! other.
//!
//! * `asgi` · `wsgi` the interfaces over the reactor · `py` the border to the interpreter
//! * `settings` the configuration as the core reads it · `scoreboard` as Python has it

mod asgi;
mod first_process;
mod orphan;
mod py;
mod scoreboard;
mod settings;
mod wsgi;

use pyo3::prelude::*;

/// The native half of Tricorn.
// Without the interpreter's lock, awaitables, handles and the account of calls would be used by several
// threads at once: a build without it takes it back, and says so.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::asgi::core::AsgiCore;
    #[pymodule_export]
    use crate::py::future::Waiter;
    #[pymodule_export]
    use crate::py::tls::{Certificate, TlsContext};
    #[pymodule_export]
    use crate::py::{ClientDisconnected, RequestRefused};
    #[pymodule_export]
    use crate::scoreboard::{PySlot, Scoreboard};
    #[pymodule_export]
    use crate::wsgi::core::WsgiCore;
    #[pymodule_export]
    use crate::wsgi::file::FileWrapper;
    #[pymodule_export]
    use crate::wsgi::input::Input;
    #[pymodule_export]
    use crate::wsgi::respond::{StartResponse, Write};

    use pyo3::prelude::*;

    /// After the end of the parent process, this one has so many seconds left, even if it hangs.
    #[pyfunction]
    fn expire_with_parent(seconds: u32) -> PyResult<()> {
        Ok(crate::orphan::expire_with_parent(seconds)?)
    }

    /// In process 1: the next delivery of `signal` ends it, or with `second` the one after that.
    #[pyfunction]
    fn end_first_process(signal: i32, second: bool) -> PyResult<()> {
        use crate::first_process::{end_at_next, end_at_second};
        let end = if second { end_at_second } else { end_at_next };
        Ok(end(signal)?)
    }

    /// Resets `signal` to its default disposition when it is next delivered.
    #[pyfunction]
    fn reset_on_delivery(signal: i32) -> PyResult<()> {
        Ok(tricorn_net::sys::reset_on_delivery(signal)?)
    }

    /// Forgets keys of session tickets that are too old; after how many seconds again?
    #[pyfunction]
    fn rotate_tickets() -> Option<f64> {
        tricorn_net::tls::tickets::rotate().map(|left| left.as_secs_f64())
    }
}
