"""A WSGI application that holds up its process in the way that HELD names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from tests.process.held import HOLDS


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer."""
    start_response("200 OK", [])
    return [b"served"]


HOLDS[os.environ["HELD"]]()
