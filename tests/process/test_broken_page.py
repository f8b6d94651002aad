"""The page that stands in for an application that cannot be loaded, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from tests.kit import Response, Server, Wire, serve
from tests.kit.process import ROOT

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ERROR = "RuntimeError: </pre><script>alert('été')</script> & ☃"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for all; ``--lifespan on`` fails if the page does not know lifespan."""
    with serve("tests.process.broken_asgi:app", "--lifespan", "on", app_dir=ROOT) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with server.connect() as wire:
        yield wire


def ask(wire: Wire, method: str = "GET", accept: str | None = None, body: bytes = b"") -> Response:
    """One request."""
    fields = [f"Host: test\r\nContent-Length: {len(body)}\r\n"]
    if accept is not None:
        fields.append(f"Accept: {accept}\r\n")
    head = f"{method} /any/path?q=1 HTTP/1.1\r\n{''.join(fields)}\r\n"
    return wire.ask(head.encode() + body, method)


class Page(HTMLParser):
    """What a browser would show and run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.shown: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "html"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif self._open:
            self.shown[self._open[-1]] = self.shown.get(self._open[-1], "") + data


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_plain_text_unless_html_is_asked_for(wire: Wire, accept: str | None) -> None:
    response = ask(wire, accept=accept)
    assert response.status == 500
    assert response.header("content-type") == "text/plain; charset=utf-8"
    assert response.header("cache-control") == "no-store"
    text = response.body.decode()
    assert text.startswith("cannot load tests.process.broken_code:app: importing")
    assert f"\n{ERROR}\n" in text


def test_the_frames_are_those_of_the_application(wire: Wire) -> None:
    text = ask(wire).body.decode()
    assert "tests/process/broken_code.py" in text
    assert "python/tricorn" not in text
    assert "importlib" not in text


def test_browsers_get_a_page_with_the_error_escaped(wire: Wire) -> None:
    response = ask(wire, accept=BROWSER)
    assert response.status == 500
    assert response.header("content-type") == "text/html; charset=utf-8"
    page = Page(response.body.decode())
    assert ERROR in page.shown["pre"]
    assert page.shown["title"] == page.shown["h1"]
    assert page.shown["title"].startswith("cannot load tests.process.broken_code:app")
    assert len(page.scripts) == 1
    assert "alert" not in page.scripts[0]


def test_the_page_asks_until_the_mark_is_another(wire: Wire) -> None:
    response = ask(wire, accept=BROWSER)
    (script,) = Page(response.body.decode()).scripts
    mark = response.header("tricorn-broken")
    assert mark
    assert f'answer.headers.get("Tricorn-Broken") !== "{mark}"' in script
    again = ask(wire, "HEAD", accept="*/*")
    assert (again.status, again.header("tricorn-broken"), again.body) == (500, mark, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_form_is_not_sent_again_by_itself(wire: Wire, method: str) -> None:
    response = ask(wire, method, accept=BROWSER, body=b"x" * 1000)
    assert response.status == 500
    assert Page(response.body.decode()).scripts == []


def test_head_has_the_length_of_get(wire: Wire) -> None:
    for accept in ("*/*", BROWSER):
        got, head = ask(wire, accept=accept), ask(wire, "HEAD", accept=accept)
        assert head.header("content-length") == got.header("content-length") == str(len(got.body))
