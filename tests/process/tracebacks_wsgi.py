"""A WSGI application that fails in a function of its own."""

from __future__ import annotations

from typing import Any, NoReturn


def deep() -> NoReturn:
    """Where it fails."""
    raise ValueError("deep")


def app(environ: dict[str, Any], start_response: Any) -> Any:
    """Fail in the call, or in the iterable; or read the body."""
    if environ["PATH_INFO"] == "/read":
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "0")])
        return body and []
    if environ["PATH_INFO"] == "/iterable":
        start_response("200 OK", [])
        return (deep() for _ in range(1))
    return deep()
