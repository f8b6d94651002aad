"""A WSGI application that answers with what it is told of its client, in the words of ASGI."""

from __future__ import annotations

import json
from typing import Any


def app(environ: Any, start_response: Any) -> list[bytes]:
    """Show the environ, but raise on /fail and without TLS on /safe; set an own id on /own."""
    path = environ["PATH_INFO"]
    if path.endswith("/fail") or (path, environ["wsgi.url_scheme"]) == ("/safe", "http"):
        raise ValueError("it fails")
    address, port = environ["REMOTE_ADDR"], environ["REMOTE_PORT"]
    server_port = environ["SERVER_PORT"]
    root = environ["SCRIPT_NAME"]
    named = {"host": "HTTP_HOST", "ids": "HTTP_X_REQUEST_ID"}
    seen = {
        "client": [address, int(port)] if address else None,
        "scheme": environ["wsgi.url_scheme"],
        "server": [environ["SERVER_NAME"], int(server_port) if server_port else None],
        "root": root,
        "path": root + path,
        "raw": root + environ["RAW_URI"].partition("?")[0],
        "id": environ.get("tricorn.request_id"),
        **{key: [environ[name]] if name in environ else [] for key, name in named.items()},
    }
    headers = [("X-Request-Id", "mine")] if path.endswith("/own") else []
    start_response("200 OK", headers)
    return [json.dumps(seen).encode()]
