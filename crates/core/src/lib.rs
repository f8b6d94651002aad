//! The extension module `tricorn._core`.
