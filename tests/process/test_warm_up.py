"""--warmup-path: a worker serves only after it has answered its own requests well."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.test_workers import KINDS, ask, children, wait_replaced
from tests.process.versions import COMMON, Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}

ASGI = """
import asyncio

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    if scope["path"] == "/hang":
        await asyncio.Event().wait()
    status, body = answer(scope["path"], dict(scope["headers"])[b"host"].decode())
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})
"""

WSGI = """
def app(environ, start_response):
    status, body = answer(environ["PATH_INFO"], environ["HTTP_HOST"])
    start_response(f"{status} Said So", [])
    return [body]
"""

ANSWER = """
SEEN = []

def answer(path, host):
    if path == "/seen":
        return 200, " ".join(SEEN).encode()
    SEEN.append(host + path)
    if path == "/hang":
        time.sleep(3600)
    return WARM_UP, b""
"""


def write(site: Site, warm_up: int) -> None:
    """The application; its answer to a warm-up request has that status."""
    interface = ASGI if site.interface == "asgi" else WSGI
    site.put(COMMON.format(version="") + f"WARM_UP = {warm_up}\n" + ANSWER + interface)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An interface, and the options it is run with."""
    return KINDS[request.param]


@pytest.fixture
def site(kind: tuple[str, ...], tmp_path: Path) -> Site:
    """An application that answers its warm-up."""
    site = Site(tmp_path, kind[0])
    write(site, 204)
    return site


PATHS = ("--warmup-path", "/first?q=1", "--warmup-path", "example.org/second")


@pytest.fixture
def server(kind: tuple[str, ...], site: Site) -> Iterator[Server]:
    """Two workers, warmed up."""
    options = ("--workers", "2", *PATHS, *kind[1:])
    with serve("site_app:app", *options, app_dir=site.directory, env=ENV) as server:
        yield server


def test_a_worker_has_answered_before_it_serves(server: Server) -> None:
    for _ in range(4):
        assert ask(server, "/seen") == "localhost/first example.org/second"


def test_without_a_supervisor(kind: tuple[str, ...], site: Site) -> None:
    options = (*PATHS, *kind[1:])
    with serve("site_app:app", *options, app_dir=site.directory, env=ENV) as server:
        assert ask(server, "/seen") == "localhost/first example.org/second"


@pytest.mark.parametrize("status", [404, 500])
def test_a_reload_that_does_not_warm_up_changes_nothing(
    site: Site, server: Server, status: int
) -> None:
    before = children(server)
    write(site, status)
    server.send_signal(signal.SIGHUP)
    why = f"the warm-up request for /first?q=1 was answered with {status}"
    server.stderr.wait(
        lambda text: f"reload failed, the server goes on as it was: {why}" in text, why
    )
    wait_until(lambda: children(server) == before, "the old workers alone")
    write(site, 302)
    server.send_signal(signal.SIGHUP)
    wait_replaced(server, before)
    assert ask(server, "/seen") == "localhost/first example.org/second"


@pytest.mark.parametrize("workers", [(), ("--workers", "1")])
def test_a_start_that_does_not_warm_up_ends(
    kind: tuple[str, ...], site: Site, workers: tuple[str, ...]
) -> None:
    write(site, 503)
    options = (*workers, *kind[1:], "--port", "0", "--warmup-path", "/first")
    server = Server(["site_app:app", *options], cwd=site.directory, env=ENV)
    assert server.wait_exit() == 3
    assert "the warm-up request for /first was answered with 503" in server.stderr.text()


def test_a_warm_up_that_hangs_ends(kind: tuple[str, ...], site: Site) -> None:
    options = (
        *kind[1:],
        "--workers",
        "1",
        "--port",
        "0",
        "--timeout",
        "1",
        "--warmup-path",
        "/hang",
    )
    server = Server(["site_app:app", *options], cwd=site.directory, env=ENV)
    try:
        server.stderr.wait(lambda text: "had no answer in 1 s (--timeout)" in text, "the reason")
    finally:
        server.kill()
