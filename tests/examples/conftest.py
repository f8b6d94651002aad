"""How an example is served: its own process, a client library's connection, no traceback after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.kit import serve
from tests.kit.process import ROOT

Visit = Callable[..., AbstractContextManager[httpx.Client]]


@contextmanager
def visit(
    app: str, folder: str, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[httpx.Client]:
    """Serve ``app`` from ``folder`` (from the root of the repository) and connect a client."""
    with serve(app, *options, app_dir=ROOT / folder, env=env) as server:
        with httpx.Client(base_url=server.url, timeout=20) as client:
            yield client
        assert server.stop() == 0
        assert "Traceback" not in server.stderr.text(), server.stderr.text()


@pytest.fixture(scope="session", name="visit")
def visit_fixture() -> Visit:
    """``with visit(app, folder, *options, env=...) as client``."""
    return visit


def join(client: httpx.Client, path: str, **options: Any) -> ClientConnection:
    """Open a WebSocket to the server of ``client``, with the library's own ``options``."""
    url = str(client.base_url.join(path)).replace("http", "ws", 1)
    return connect(url, open_timeout=20, proxy=None, **options)
