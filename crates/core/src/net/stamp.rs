//! What the server adds to every response head.

use std::sync::Arc;

use tricorn_wire::date;
use tricorn_wire::response::Stamp;

use super::tls::Secured;
use crate::settings::Settings;

/// For a response that goes out over TLS if `secured` is there.
pub(super) fn stamp<'a>(
    settings: &'a Settings,
    date: &'a [u8; date::LEN],
    secured: Option<&Arc<Secured>>,
) -> Stamp<'a> {
    Stamp {
        date: settings.date_header.then_some(date),
        server: settings.server_header,
        transport_security: settings.transport_security.as_deref().filter(|_| secured.is_some()),
    }
}
