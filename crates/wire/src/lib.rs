//! HTTP/1.1 as data: bytes in, events out. No sockets, no Python, no clock.
