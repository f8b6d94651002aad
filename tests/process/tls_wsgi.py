"""The same as `tls_asgi` for WSGI."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.process.tls_asgi import BLOCK, SIZE, meddle


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """By path: /scheme, /pid, /tls, /digest of the body, /stream and /large of SIZE, /file?PATH."""
    meddle(environ["PATH_INFO"])
    start_response("200 OK", [])
    match environ["PATH_INFO"]:
        case "/scheme":
            return [environ["wsgi.url_scheme"].encode()]
        case "/tls":
            told = {k: v for k, v in environ.items() if k.startswith("SSL_") or k == "HTTPS"}
            return [json.dumps(told).encode()]
        case "/pid" | "/freeze" | "/fork":
            return [str(os.getpid()).encode()]
        case "/digest":
            seen = hashlib.sha256()
            while block := environ["wsgi.input"].read(65536):
                seen.update(block)
            return [seen.hexdigest().encode()]
        case "/stream":
            return (BLOCK for _ in range(SIZE // len(BLOCK)))
        case "/large":
            return [BLOCK * (SIZE // len(BLOCK))]
        case _:
            file = Path(environ["QUERY_STRING"]).open("rb")  # noqa: SIM115
            wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"](file)  # it closes the file
            return wrapped
