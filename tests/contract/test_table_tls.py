"""Run every row of the table over TLS: the same answers, and an end that is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.case import Case
from tests.contract.conftest import Echo, serve_echo
from tests.contract.test_table import run
from tests.kit.certificates import write_certificate
from tests.kit.wire import byte_by_byte

PIECES = 200
"""Records that the bytes of one row are sent in, at the most."""


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def echo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Echo]:
    """The echo application of one interface with a certificate, on TCP and on a unix socket."""
    place: Path = tmp_path_factory.mktemp("certificate")
    files = write_certificate(place)
    with serve_echo(request.param, *files.options, tls=files.client) as echo:
        yield echo


def test_whole(echo: Echo, case: Case) -> None:
    """All bytes at once, over TCP."""
    with echo.connect(echo.tcp) as wire:
        run(echo, case, wire, lambda sent: [sent])


def test_byte_by_byte(echo: Echo, case: Case) -> None:
    """Each byte in a record of its own."""
    with echo.connect(echo.unix) as wire:
        run(echo, case, wire, lambda sent: byte_by_byte(sent, most=PIECES))
