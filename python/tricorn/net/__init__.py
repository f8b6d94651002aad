"""Listening sockets: from the configured addresses to open sockets ready for the core."""
