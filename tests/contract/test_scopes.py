"""A scope belongs to its request alone, and announces what it is to announce."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract import scopes_asgi
from tests.contract.case import get
from tests.kit import serve
from tests.kit.process import ROOT
from tricorn.config.application import EXTENSIONS

OFF = "--asgi-extensions-off"
GZIPPED = "tests.contract.scopes_asgi:gzipped"


def shown(*options: str, times: int = 1) -> dict[str, Any]:
    """What the last of some requests finds in its scope."""
    app = "tests.contract.scopes_asgi:app"
    with serve(app, *options, app_dir=ROOT) as server, server.connect() as wire:
        answers = [wire.ask(get(target=b"/")).body for _ in range(times)]
    found: dict[str, Any] = json.loads(answers[-1])
    return found


def test_what_one_request_writes_is_not_for_the_next() -> None:
    """Neither in ``asgi`` nor in an extension; and all of it can be written as JSON."""
    expected: dict[str, Any] = {
        name: {} for name in EXTENSIONS if name != "tls" and "websocket" not in name
    }
    first, second = shown(), shown(times=2)
    assert (
        first
        == second
        == {"asgi": {"version": "3.0", "spec_version": "2.5"}}
        | {"extensions": expected, "lengths": []}
    )


@pytest.mark.parametrize("name", [name for name in EXTENSIONS if name != "tls"])
def test_each_extension_can_be_switched_off(name: str) -> None:
    """Then it is not announced."""
    assert name not in shown(OFF, name)["extensions"]


def test_several_are_switched_off() -> None:
    """Separated by commas."""
    both = "http.response.pathsend,http.response.trailers"
    left = shown(OFF, both)["extensions"]
    assert "http.response.early_hint" in left
    assert not left.keys() & set(both.split(","))


@pytest.mark.parametrize(
    "fields", [(b"Content-Length: 3",), (b"Content-Length: 3, 3",), (b"Content-Length: 3",) * 2]
)
def test_a_length_that_is_repeated_is_one(fields: tuple[bytes, ...]) -> None:
    """RFC 9110 section 8.6: refused, or one field of one value."""
    app = "tests.contract.scopes_asgi:app"
    with serve(app, app_dir=ROOT) as server, server.connect() as wire:
        answer = wire.ask(get(*fields, target=b"/") + b"abc")
    assert json.loads(answer.body)["lengths"] == ["3"]


def test_middleware_compresses_a_file() -> None:
    """Without pathsend, as it would behind other servers."""
    options = (OFF, "http.response.pathsend")
    with serve(GZIPPED, *options, app_dir=ROOT) as server, server.connect() as wire:
        answer = wire.ask(get(b"Accept-Encoding: gzip", target=b"/file"))
    assert answer.header("content-encoding") == "gzip"
    assert answer.header("vary") == "Accept-Encoding"
    assert gzip.decompress(answer.body) == Path(scopes_asgi.__file__).read_bytes()


def test_the_event_is_in_the_state() -> None:
    """Where objects are expected, also without a lifespan."""
    for lifespan in ("auto", "off"):
        options = ("--lifespan", lifespan)
        with serve(GZIPPED, *options, app_dir=ROOT) as server, server.connect() as wire:
            assert wire.ask(get(target=b"/event")).body == b"False"
