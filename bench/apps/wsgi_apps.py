"""The bare WSGI applications of the benchmark, one for each scenario."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

HEADERS = [("content-type", "text/plain"), ("content-length", "13")]
BODY = [b"Hello, world!"]
SLEEP_EACH = 50  # calls: 2 % of them sleep
calls = itertools.count(1)


def hello(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """13 bytes of text."""
    start_response("200 OK", HEADERS)
    return BODY


def mixed(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Hello; each fiftieth call sleeps 20 ms first, as a slow query would."""
    if next(calls) % SLEEP_EACH == 0:
        time.sleep(0.02)
    start_response("200 OK", HEADERS)
    return BODY
