"""A browser's view: the chat through a reload, HTTP/2, and WebSockets over both versions."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from tests.kit import Server, serve
from tests.kit.browser import Browser, Page, browse, find_chromium
from tests.kit.process import ROOT

CHAT = ROOT / "examples" / "fastapi_chat"
CONNECTED = "element('state').textContent === 'connected'"
LINES = "[...document.querySelectorAll('li')].map((line) => line.textContent)"
TLS = ("--tls-self-signed",)

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium: install chromium or chromium-headless-shell"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all."""
    with browse() as browser:
        yield browser


@pytest.fixture(scope="module", params=[(), TLS], ids=["clear", "TLS"])
def chat(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The chat with one worker and a log of its requests."""
    options = ("--workers", "1", "--access-log", "stdout", "--access-log-format", "%(r)s %(s)s")
    with serve("chat:app", *options, *request.param, app_dir=CHAT) as server:
        yield server
    assert "Traceback" not in server.stderr.text(), server.stderr.text()


def url_of(server: Server, name: str) -> str:
    """The page for one guest; by name, as certificates are made for."""
    scheme = "https" if "https://" in server.stderr.text() else "http"
    return f"{scheme}://localhost:{server.url.rpartition(':')[2]}/?name={name}"


def enter(browser: Browser, server: Server, name: str) -> Page:
    """Open the page, connected."""
    page = browser.open(url_of(server, name))
    page.until(CONNECTED)
    return page


def say(page: Page, text: str) -> None:
    """Fill in the form and send it."""
    page.run(f"element('text').value = {text!r}; document.querySelector('button').click()")


def lines(page: Page) -> list[str]:
    """What the page shows, in order."""
    shown = page.run(LINES)
    assert isinstance(shown, list)
    return shown


def until_shown(page: Page, line: str) -> None:
    """Wait for a line."""
    page.until(f"{LINES}.includes({line!r})")


def test_reload(browser: Browser, chat: Server) -> None:
    """Pages connect again because of 1012, and nothing that is said afterwards gets lost."""
    pages = [enter(browser, chat, name) for name in ("ada", "bob")]
    say(pages[0], "before")
    for page in pages:
        until_shown(page, "ada: before")
        page.run(
            "codes = []; socket.addEventListener('close', (event) => codes.push(event.code)); 0"
        )
    chat.send_signal(signal.SIGHUP)
    for page in pages:
        page.until("codes.length")
        assert page.run("codes") == [1012]
    for page in pages:
        page.until(CONNECTED)
    said = [f"{number} after" for number in range(20)]
    for number, text in enumerate(said):
        say(pages[number % 2], text)
    for page in pages:
        until_shown(page, f"bob: {said[-1]}")
        heard = [line.partition(": ")[2] for line in lines(page) if line.endswith(" after")]
        assert sorted(heard) == sorted(said)


def test_what_is_said_while_nobody_serves(browser: Browser, chat: Server) -> None:
    """The page keeps it, and sends it once it is connected again."""
    page = enter(browser, chat, "eve")
    page.run("socket.close(); say('kept')")
    until_shown(page, "eve: kept")


@pytest.mark.parametrize("chat", [TLS], ids=["TLS"], indirect=True)
def test_key_exchange(browser: Browser, chat: Server) -> None:
    """Keys that no quantum computer will find (draft-ietf-tls-ecdhe-mlkem), as browsers ask for."""
    assert enter(browser, chat, "grace").key_exchange() == "X25519MLKEM768"


def test_protocols(browser: Browser, chat: Server) -> None:
    """HTTP/2 over TLS, for the page and for its WebSocket (RFC 8441); HTTP/1.1 in the clear."""
    page = enter(browser, chat, "mallory")
    protocol = page.run("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    socket = r"\S+ /rooms/hall\?name=mallory (\S+) (\d+)"
    said = chat.stdout.wait(lambda text: re.search(socket, text) is not None, "the WebSocket")
    found = re.search(socket, said)
    assert found is not None
    is_tls = url_of(chat, "").startswith("https")
    wanted = ("h2", "HTTP/2", "200") if is_tls else ("http/1.1", "HTTP/1.1", "101")
    assert (protocol, *found.groups()) == wanted
