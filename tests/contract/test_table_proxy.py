"""Run every row of the table behind the PROXY protocol: the same answers, and the same ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.case import Case
from tests.contract.conftest import Echo, serve_echo
from tests.contract.test_table import run

HEADERS = {
    "asgi": b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
    "wsgi": b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb",
}
"""What the proxy says first: version 1 to one interface, version 2 to the other."""


@pytest.fixture(scope="module", params=HEADERS)
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    """The echo application of one interface, whose clients come through a proxy."""
    interface: str = request.param
    with serve_echo(interface, "--proxy-protocol", preface=HEADERS[interface]) as echo:
        yield echo


def test_whole(echo: Echo, case: Case) -> None:
    """All bytes at once; how headers are split is tested where they are."""
    with echo.connect(echo.tcp) as wire:
        run(echo, case, wire, lambda sent: [sent])
