"""A WSGI application that does to its server what nobody should, by path."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """``/close_poller`` closes what the server hears its clients by."""
    if environ["PATH_INFO"] == "/close_poller":
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if "eventpoll" in str(link.readlink()):
                    os.close(int(link.name))
    start_response("200 OK", [])
    return [b"hello"]
