"""One server per interface for the whole contract, listening on TCP and on a unix socket."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.table.limits import BODY_SIZE
from tests.kit import Server, serve
from tests.kit.process import ROOT
from tests.kit.wire import Address

INTERFACES = ("asgi", "wsgi")


@dataclass(frozen=True, slots=True)
class Echo:
    """A running echo application: its interface and both of its addresses."""

    interface: str
    server: Server
    tcp: Address
    unix: Path


@pytest.fixture(scope="session", params=INTERFACES)
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    """The echo application of one interface, served with the body limit of the table."""
    interface: str = request.param
    with tempfile.TemporaryDirectory(prefix="tricorn-") as place:
        unix = Path(place) / "echo"
        binds = ("127.0.0.1:0", f"unix:{unix}")
        options = ("--body-size", str(BODY_SIZE))
        app = f"tests.contract.echo_{interface}:app"
        with serve(app, *options, app_dir=ROOT, binds=binds) as server:
            tcp = next(address for address in server.addresses if isinstance(address, tuple))
            yield Echo(interface, server, tcp, unix)
