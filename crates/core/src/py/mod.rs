//! The border to Python: small hot types, cells, caches.

pub mod call;
pub mod cell;
pub mod future;
pub mod handle;
pub mod names;
pub mod ready;
