"""Tricorn: one server for WSGI and ASGI applications."""
