"""What goes out, whatever the application does: framing, validity, and how failures end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.case import get, head
from tests.kit import BadResponseError, Response, Server, Wire, serve
from tests.kit.process import ROOT


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def odd(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The application of odd answers over one interface."""
    with serve(f"tests.contract.odd_answers_{request.param}:app", app_dir=ROOT) as server:
        yield server


def ask(wire: Wire, path: str, method: str = "GET") -> Response:
    """One request for ``path``."""
    return wire.ask(head(f"{method} {path} HTTP/1.1".encode(), b"Host: a"), method)


@pytest.mark.parametrize(
    ("path", "status", "framing", "body"),
    [
        ("/exact", 200, "length", b"hello"),
        ("/empty", 200, None, b""),
        ("/pieces", 200, "chunked", b"onetwo"),
        ("/no-content", 204, "none", b""),
        ("/not-modified", 304, "none", b""),
    ],
)
def test_framing(odd: Server, path: str, status: int, framing: str | None, body: bytes) -> None:
    """The body is framed as RFC 9112 6.3 has it, and the connection goes on."""
    with odd.connect() as wire:
        answer = ask(wire, path)

        assert (answer.status, answer.body) == (status, body)
        assert framing in (None, answer.framing)
        assert ask(wire, "/exact").body == b"hello"


def test_fields_of_our_own(odd: Server) -> None:
    """Date and Server are added (RFC 9110 6.6.1, 10.2.4), and left alone when they are there."""
    with odd.connect() as wire:
        added, told = ask(wire, "/exact"), ask(wire, "/dated")

    assert added.header("server") == "tricorn"
    assert (added.header("date") or "").endswith(" GMT")
    assert (told.header("date"), told.header("server")) == ("then", "mine")


def test_repeated_fields_stay_apart(odd: Server) -> None:
    """Set-Cookie lines are never joined (RFC 9110 5.3)."""
    with odd.connect() as wire:
        fields = ask(wire, "/cookies").fields

    assert [value for name, value in fields if name == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("path", ["/exact", "/pieces", "/long", "/short"])
def test_head(odd: Server, path: str) -> None:
    """HEAD is answered without a body, whatever the application sends (RFC 9110 9.3.2)."""
    with odd.connect() as wire:
        assert ask(wire, path, "HEAD").status == 200
        assert ask(wire, "/exact").body == b"hello"


def test_an_answer_that_closes(odd: Server) -> None:
    """``Connection: close`` of the application is obeyed (RFC 9112 9.6)."""
    with odd.connect() as wire:
        wire.send(get(target=b"/closes") + get(target=b"/exact"))
        answer = wire.response()

        assert answer.says("close")
        assert wire.rest() == b""


def test_a_body_that_is_too_short(odd: Server) -> None:
    """The client must notice: no padding, no further answer, the end (RFC 9112 6.3, 8)."""
    with odd.connect() as wire:
        wire.send(get(target=b"/short") + get(target=b"/exact"))
        with pytest.raises((BadResponseError, ConnectionResetError)):
            wire.response()


@pytest.mark.parametrize("path", ["/long", "/long-later"])
def test_a_body_that_is_too_long(odd: Server, path: str) -> None:
    """Nothing past the length is ever sent, and nothing follows it on the connection."""
    with odd.connect() as wire:
        wire.send(get(target=path.encode()) + get(target=b"/exact"))
        try:
            answers = [wire.response().status, wire.rest()]
        except (BadResponseError, ConnectionResetError):
            return  # cut off: as good, the client cannot take it for a whole answer
        assert answers in ([200, b""], [500, b""])


def test_what_nobody_has_seen_is_replaced() -> None:
    """The head and what fits wait for what comes next: if that is too much, the answer is 500."""
    app = "tests.contract.odd_answers_asgi:app"
    with serve(app, app_dir=ROOT) as server, server.connect() as wire:
        assert ask(wire, "/long-later").status == 500
        assert wire.rest() == b""


@pytest.mark.parametrize(
    "path",
    ["/line-end", "/bare-line-feed", "/nul", "/bad-name", "/bad-length", "/two-lengths"],
)
def test_invalid_fields_never_reach_the_wire(odd: Server, path: str) -> None:
    """The application's mistake is a 500, not bytes (CVE-2018-1000164, CVE-2020-5247)."""
    with odd.connect() as wire:
        answer = ask(wire, path)

    assert answer.status == 500
    assert answer.header("x-b") is None


@pytest.mark.parametrize("path", ["/raises", "/silent", "/raises-late"])
def test_an_application_that_fails(odd: Server, path: str) -> None:
    """A 500 as long as nothing has been sent, and the next client is served."""
    with odd.connect() as wire:
        assert ask(wire, path).status == 500
    with odd.connect() as wire:
        assert ask(wire, "/exact").body == b"hello"
    said = odd.stderr.wait(lambda text: f"GET {path}" in text, "the failure is logged")
    assert "on purpose" in said


def test_chunked_by_hand(odd: Server) -> None:
    """Framing is ours: an application's Transfer-Encoding does not make a body framed twice."""
    with odd.connect() as wire:
        answer = ask(wire, "/chunked-by-hand")

    assert (answer.status, answer.body) in ((200, b"hello"), (500, answer.body))


@pytest.mark.parametrize("path", ["/exact", "/pieces", "/empty"])
def test_old_clients(odd: Server, path: str) -> None:
    """HTTP/1.0 gets no chunks (RFC 9112 6.1)."""
    with odd.connect() as wire:
        answer = wire.ask(head(f"GET {path} HTTP/1.0".encode()))

        assert answer.framing != "chunked"
        assert answer.body == {"/exact": b"hello", "/pieces": b"onetwo", "/empty": b""}[path]
        assert wire.rest() == b""
