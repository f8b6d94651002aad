"""An error of the application is told with the line that raised it."""

from __future__ import annotations

import pytest

from tests.kit import serve
from tests.kit.process import ROOT


@pytest.mark.parametrize("path", ["/", "/iterable"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_wsgi(threads: str, path: str) -> None:
    """With its traceback, also if nobody has caught it on its way."""
    app = "tests.process.tracebacks_wsgi:app"
    with serve(app, "--threads", threads, app_dir=ROOT) as server, server.connect() as wire:
        wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        text = server.stderr.wait(lambda text: "ValueError: deep" in text, "the error")
        assert "in deep" in text
        assert "in app" in text or "genexpr" in text
