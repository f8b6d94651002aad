"""One server per interface for the whole contract, listening on TCP and on a unix socket."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.case import Case
from tests.contract.table import TOPICS
from tests.contract.table.limits import BODY_SIZE
from tests.kit import Server, Wire, serve
from tests.kit.process import ROOT
from tests.kit.wire import Address

MODES = {"asgi": (), "wsgi": ("--threads", "8"), "wsgi inline": ("--threads", "1")}
"""How the echo application is served: its interface first, and the options."""
ROWS = [
    pytest.param(case, id=f"{topic}: {case.name}")
    for topic, cases in TOPICS.items()
    for case in cases
]


@dataclass(frozen=True, slots=True)
class Echo:
    """A running echo application: its interface and both of its addresses."""

    interface: str
    server: Server
    tcp: Address
    unix: Path
    tls: ssl.SSLContext | None = None
    preface: bytes = b""

    def connect(self, address: Address) -> Wire:
        """A connection to one of the addresses, with what a proxy says first."""
        wire = Wire.connect(address, tls=self.tls)
        if self.preface:
            wire.send(self.preface)
        return wire


@pytest.fixture(scope="session", params=MODES)
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    """The echo application in one mode, served with the body limit of the table."""
    with serve_echo(request.param) as echo:
        yield echo


@contextmanager
def serve_echo(
    mode: str, *more: str, tls: ssl.SSLContext | None = None, preface: bytes = b""
) -> Iterator[Echo]:
    """The same with more options; ``tls`` is what its clients speak, ``preface`` comes first."""
    interface = mode.split()[0]
    with tempfile.TemporaryDirectory(prefix="tricorn-") as place:
        unix = Path(place) / "echo"
        binds = ("127.0.0.1:0", f"unix:{unix}")
        options = ("--body-size", str(BODY_SIZE), *MODES[mode], *more)
        app = f"tests.contract.echo_{interface}:app"
        with serve(app, *options, app_dir=ROOT, binds=binds) as server:
            tcp = next(address for address in server.addresses if isinstance(address, tuple))
            yield Echo(interface, server, tcp, unix, tls, preface)


@pytest.fixture(params=ROWS)
def case(request: pytest.FixtureRequest, echo: Echo) -> Case:
    """One row that concerns the interface being served."""
    row: Case = request.param
    if row.only not in (None, echo.interface):
        pytest.skip(f"a row about {row.only}")
    return row
