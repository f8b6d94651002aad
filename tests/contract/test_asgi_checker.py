"""The ASGI checker reports nothing of our server, and is able to report something."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.case import Case, chunked, get, head, post
from tests.contract.table import TABLE
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.asgi_checker import AsgiChecker, Message
from tests.kit.process import ROOT


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def checked(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The checked echo application on either event loop, on TCP, IPv6 and a unix socket."""
    with tempfile.TemporaryDirectory(prefix="tricorn-") as place:
        binds = ("127.0.0.1:0", "[::1]:0", f"unix:{place}/checked")
        options = ("--loop", request.param, "--lifespan", "on")
        with serve(
            "tests.contract.checked_asgi:app", *options, app_dir=ROOT, binds=binds
        ) as server:
            yield server


def told(server: Server) -> dict[str, Any]:
    """What the checker has written down since it was last asked."""
    with server.connect() as wire:
        answer: dict[str, Any] = json.loads(wire.ask(get(target=b"/complaints")).body)
    return answer


SHAPES = {
    "query and escapes": get(target=b"/a%20b/%C3%A9?x=%20"),
    "full path": get(b"Cookie: a=1", b"Cookie: b=2", b"X-Empty:"),
    "body": post(b"Content-Length: 5", body=b"hello"),
    "empty body": post(b"Content-Length: 0"),
    "large body": post(b"Content-Length: 300000", body=b"x" * 300_000),
    "chunked": chunked(b"3\r\none\r\n3\r\ntwo\r\n0\r\nX-T: 1\r\n\r\n"),
    "unread body": post(b"Content-Length: 5", body=b"hello", target=b"/first"),
    "options": head(b"OPTIONS * HTTP/1.1", b"Host: a"),
    "absolute form": head(b"GET http://other.test/x?y HTTP/1.1", b"Host: a"),
    "unframed": get(target=b"/unframed"),
    "no content": get(target=b"/204"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_request_shapes(checked: Server, shape: str) -> None:
    """Each shape over each kind of socket, and over HTTP/1.0 where it can be."""
    for address in checked.addresses:
        with Wire.connect(address) as wire:
            assert wire.ask(SHAPES[shape]).status in (200, 204)

    assert told(checked)["complaints"] == []


def test_requests_behind_a_pause(checked: Server) -> None:
    """A request that starts from another's send() has a context of its own all the same."""
    with checked.connect() as wire:
        wire.send(get(target=b"/pause") * 3)
        assert [wire.response().status for _ in range(3)] == [200] * 3

    assert told(checked)["complaints"] == []


def test_head(checked: Server) -> None:
    """HEAD is handed over as HEAD."""
    with checked.connect() as wire:
        assert wire.ask(head(b"HEAD / HTTP/1.1", b"Host: a"), "HEAD").status == 200

    assert told(checked)["complaints"] == []


def test_old_version(checked: Server) -> None:
    """HTTP/1.0 without a Host."""
    with checked.connect() as wire:
        assert wire.ask(head(b"GET / HTTP/1.0")).status == 200

    assert told(checked)["complaints"] == []


def test_disconnects(checked: Server) -> None:
    """A client that goes while the application waits, and one that goes inside its body."""
    for request in (get(target=b"/wait"), post(b"Content-Length: 10", body=b"hello")):
        with checked.connect() as wire:
            wire.send(request)

    wait_until(
        lambda: "http.disconnect" in told(checked)["seen"],
        "the application learns that its client has gone",
    )
    assert told(checked)["complaints"] == []


def test_whole_table(checked: Server) -> None:
    """Every row of the contract table, whatever its answers: the scopes are right."""
    for case in TABLE:
        with checked.connect() as wire:
            send(case, wire)

    assert told(checked)["complaints"] == []


def send(case: Case, wire: Wire) -> None:
    """Send one row, end the client's side and read to the end."""
    wire.send(case.sent)
    wire.half_close()
    try:
        wire.rest()
    except ConnectionResetError:
        return  # some rows are longer than the server reads on


def test_lifespan_state_reaches_each_request(checked: Server) -> None:
    """A copy of what start-up left, and both kinds of scope were seen."""
    answer = told(checked)

    assert answer["state"] is True
    assert {"http", "lifespan"} <= set(answer["seen"])


GOOD: Message = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.5"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"a"), (b"content-length", b"5")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 1),
}
FAULTS: dict[str, Any] = {
    "asgi": {"version": "2.0", "spec_version": "2.5"},
    "http_version": "1",
    "method": b"GET",
    "scheme": "",
    "path": "/other",
    "raw_path": "/",
    "query_string": "",
    "root_path": "/a/",
    "headers": [(b"Host", b"a")],
    "client": ("127.0.0.1", "1"),
    "server": ["127.0.0.1"],
    "extensions": {"tls": None},
    "extra": 1,
}


def complaints(scope: Message, *messages: Message) -> list[str]:
    """What the checker says of a scope and of the messages that follow it."""

    async def app(scope: Message, receive: Any, send: Any) -> None:
        for _ in messages:
            await receive()
        await send({"type": "http.response.start", "status": 200})

    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        return None

    checker = AsgiChecker(app)
    asyncio.run(checker(scope, receive, send))
    return checker.complaints


def test_the_checker_accepts_what_is_right() -> None:
    """No complaint of a scope and messages by the book."""
    first = {"type": "http.request", "body": b"he", "more_body": True}
    last = {"type": "http.request", "body": b"llo", "more_body": False}

    assert complaints({**GOOD}, first, last, {"type": "http.disconnect"}) == []


@pytest.mark.parametrize("key", FAULTS)
def test_the_checker_sees_a_wrong_scope(key: str) -> None:
    """Each key with a wrong value draws a complaint."""
    assert complaints({**GOOD, key: FAULTS[key]})


@pytest.mark.parametrize(
    "messages",
    [
        ({"type": "http.request", "body": "hello"},),
        ({"type": "http.request", "body": b"hell", "more_body": False},),
        ({"type": "http.request", "body": b"hello"}, {"type": "http.request"}),
        ({"type": "http.disconnect"}, {"type": "http.request"}),
        ({"type": "http.request", "body": b"hello", "more_body": 0},),
        ({"type": "websocket.receive"},),
    ],
)
def test_the_checker_sees_a_wrong_message(messages: tuple[Message, ...]) -> None:
    """Wrong types, lengths and orders draw a complaint."""
    assert complaints({**GOOD}, *messages)
