"""Servers of the hostile tests, one for each way an application is run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit import Server, serve
from tests.kit.process import ROOT

PLAIN = ("--head-timeout", "30", "--keep-alive", "30", "--access-log", "off")
ASGI = {"asgi uvloop": ("--loop", "uvloop"), "asgi asyncio": ("--loop", "asyncio")}
WSGI = {"wsgi inline": ("--threads", "1"), "wsgi threads": ("--threads", "8")}
MODES = {**ASGI, **WSGI}


def app_of(mode: str) -> str:
    """The application that is run in ``mode``."""
    return f"tests.hostile.census_{mode.split()[0]}:app"


def start(mode: str, *options: str) -> Iterator[Server]:
    """A server in ``mode`` for the length of a fixture."""
    with serve(app_of(mode), *PLAIN, *MODES[mode], *options, app_dir=ROOT) as server:
        yield server


@pytest.fixture(params=MODES)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh server in each mode."""
    yield from start(request.param)


@pytest.fixture(params=ASGI)
def asgi(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh server in each ASGI mode."""
    yield from start(request.param)


@pytest.fixture(params=WSGI)
def wsgi(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A fresh server in each WSGI mode."""
    yield from start(request.param)


@pytest.fixture
def wsgi_threads() -> Iterator[Server]:
    """WSGI on eight threads."""
    yield from start("wsgi threads")
