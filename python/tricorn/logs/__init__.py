"""Logs: the server's own messages, where the access log goes, and what is said at the start."""
