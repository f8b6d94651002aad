"""Servers of the streaming applications, one for all tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT
from tests.kit.wire import Address

MODES = {"asgi": (), "wsgi": ("--threads", "4"), "wsgi inline": ("--threads", "1")}


@contextmanager
def serve_streams(mode: str, *options: str) -> Iterator[Server]:
    """The streaming application of one interface."""
    app = f"tests.http2.streams_{mode.split()[0]}:app"
    with serve(app, *MODES[mode], *options, app_dir=ROOT) as server:
        yield server


def address_of(server: Server) -> Address:
    """Where it listens on TCP."""
    return next(address for address in server.addresses if isinstance(address, tuple))


@pytest.fixture(scope="session", params=MODES)
def each(request: pytest.FixtureRequest) -> Iterator[Address]:
    """The application in every mode."""
    with serve_streams(request.param) as server:
        yield address_of(server)


@pytest.fixture(scope="session")
def asgi() -> Iterator[Address]:
    """The ASGI application."""
    with serve_streams("asgi") as server:
        yield address_of(server)


@pytest.fixture(scope="session", params=["wsgi", "wsgi inline"])
def wsgi(request: pytest.FixtureRequest) -> Iterator[Address]:
    """The WSGI application with threads and without."""
    with serve_streams(request.param) as server:
        yield address_of(server)
