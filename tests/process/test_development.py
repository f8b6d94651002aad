"""--reload, end to end: edit, break, fix, while a client keeps asking."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Response, Server, serve, wait_until
from tests.process.conftest import get
from tests.process.test_workers import KINDS, children, is_alive
from tests.process.versions import Site

FASTAPI = """
from fastapi import FastAPI

app = FastAPI()

@app.get("/version")
async def version() -> str:
    return {version!r}
"""
DJANGO = """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="s", DEBUG=True)
urlpatterns = [path("version", lambda request: HttpResponse({version!r}))]
app = get_wsgi_application()
"""


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, Server]]:
    """An application that is being worked on."""
    interface, *options = KINDS[request.param]
    site = Site(tmp_path, interface)
    site.write("one")
    with serve("site_app:app", "--reload", *options, app_dir=tmp_path) as server:
        yield site, server


def ask(server: Server) -> Response:
    """A request of a client that comes at any time: it waits, but is never refused or cut."""
    with server.connect() as wire:
        return wire.ask(get("/version"))


def wait_for(server: Server, version: str) -> None:
    """Ask until the answer is this version's."""
    wait_until(lambda: version.encode() in ask(server).body, f"an answer of {version}")


def test_edit_break_and_fix(site: tuple[Site, Server]) -> None:
    app, server = site
    assert ask(server).body == b"one"
    app.write("two")
    wait_for(server, "two")
    app.put("raise RuntimeError('half done')")
    wait_until(lambda: ask(server).status == 500, "the page that says why")
    answer = ask(server)
    assert b"half done" in answer.body
    assert "half done" in server.stderr.text()
    app.write("three")
    wait_for(server, "three")


def test_a_start_on_broken_code(tmp_path: Path) -> None:
    site = Site(tmp_path, "asgi")
    site.put("import nothing_like_this")
    with serve("site_app:app", "--reload", app_dir=tmp_path) as server:
        assert ask(server).status == 500
        site.write("one")
        wait_for(server, "one")
        site.write("two", startup="failed")
        wait_until(lambda: b"no database" in ask(server).body, "the start-up's error")
        site.write("three")
        wait_for(server, "three")


def test_what_cannot_be_loaded_is_not_said_to_be_served(tmp_path: Path) -> None:
    """Neither at the start nor later, nor in the answer to who asks for a reload."""
    site = Site(tmp_path, "asgi")
    site.put("import nothing_like_this")
    why = 'site_app:app is not served: cannot load site_app:app: it needs the module "nothing_'
    control = ("--control-socket", str(tmp_path / "control"))
    files = ("--error-log", str(tmp_path / "log"))
    with serve("site_app:app", "--reload", *control, *files, app_dir=tmp_path) as server:
        text = server.stderr.text()
        assert why in text
        assert "waiting for a change of the files" in text
        assert "serving" not in text
        site.write("one")
        wait_for(server, "one")
        log = tmp_path / "log"
        wait_until(lambda: "generation 2 serves" in log.read_text(), "the mended code serves")
        site.put("import nothing_like_this")
        wait_until(lambda: log.read_text().count(why) == 2, "it is said again")
        assert "generation 3 serves" not in log.read_text()
        words = (sys.executable, "-m", "tricorn", "reload", "--control", str(tmp_path / "control"))
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1
        assert "reload failed, the application is not served: cannot load" in done.stderr


def test_code_that_ends_the_process(site: tuple[Site, Server]) -> None:
    """Nothing can serve then; clients wait, and are answered after the fix."""
    app, server = site
    app.put("import os; os._exit(9)")
    server.stderr.wait(lambda text: "waiting for a change" in text, "what happens now")
    with server.connect() as wire:
        wire.send(get("/version"))
        app.write("two")
        assert wire.response().body == b"two"


def test_ctrl_c_returns_the_prompt(site: tuple[Site, Server]) -> None:
    _, server = site
    with server.connect() as wire:
        workers = children(server)
        wire.send(get("/block"))
        server.stdout.wait(lambda text: "stuck" in text, "a call that blocks")
        for pid in (server.pid, *workers):
            if is_alive(pid):
                os.kill(pid, signal.SIGINT)
        assert server.wait_exit(deadline=5) == 0
        assert not any(map(is_alive, workers))


@pytest.mark.parametrize(("text", "options"), [(FASTAPI, ()), (DJANGO, ("--workers", "2"))])
def test_frameworks(text: str, options: tuple[str, ...], tmp_path: Path) -> None:
    site = Site(tmp_path, "")
    site.put(text.format(version="one"))
    with serve("site_app:app", "--reload", *options, app_dir=tmp_path) as server:
        assert b"one" in ask(server).body
        site.put(text.format(version="two"))
        wait_for(server, "two")
        site.put("def (")
        wait_until(lambda: b"SyntaxError" in ask(server).body, "the error")
        site.put(text.format(version="three"))
        wait_for(server, "three")
