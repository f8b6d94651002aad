"""Run the rows of the table that HTTP/2 can say: the same statuses, the same requests seen.

What HTTP/1.1 refuses with 400 may be refused by a reset as well (RFC 9113 section 8.1.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import h2.exceptions
import pytest

from tests.contract.case import Case
from tests.contract.conftest import ROWS, Echo, serve_echo
from tests.contract.test_table import check_seen
from tests.kit.http2 import Answer, Client, connect

OF_CONNECTIONS = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding"}
"""Fields that HTTP/2 does not have: it delimits bodies itself, and has its own connections."""


DIFFERENT: dict[str, tuple[int, ...]] = {
    # The h2 crate reads targets and authorities by rules of its own.
    "host with escapes": (400,),
    "empty host": (400,),
    # A name that the h2 crate can't hold is malformed.
    "a name too long": (400,),
    # :authority and a Host that is the same are no contradiction (RFC 9113 section 8.3.1).
    "the same host twice": (200,),
}
"""Rows whose answer is another over HTTP/2."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as HTTP/2 says it."""

    fields: list[tuple[bytes, bytes]]
    body: bytes


def translated(case: Case) -> list[Asked] | None:
    """The requests of a row; None if HTTP/2 can't say them."""
    requests, rest = [], case.sent.removeprefix(b"\r\n")
    while rest:
        head, end, rest = rest.partition(b"\r\n\r\n")
        request = _request(head) if end and b"\n" not in head.replace(b"\r\n", b"") else None
        if request is None:
            return None
        size = _size(request)
        if size is None or size > len(rest):
            return None
        requests.append(Asked(request, rest[:size]))
        rest = rest[size:]
    return requests or None


def _request(head: bytes) -> list[tuple[bytes, bytes]] | None:
    line, *lines = head.split(b"\r\n")
    parts = line.split(b" ")
    if len(parts) != 3 or parts[2] != b"HTTP/1.1" or not parts[1].startswith((b"/", b"*")):
        return None
    pairs = [field.partition(b":") for field in lines]
    fields = [(name.lower(), value.strip(b" \t")) for name, _, value in pairs]
    if not all(colon for _, colon, _ in pairs) or {name for name, _ in fields} & OF_CONNECTIONS:
        return None
    pseudo = [(b":method", parts[0]), (b":scheme", b"http"), (b":path", parts[1])]
    hosts = [value for name, value in fields if name == b"host"]
    if hosts:
        pseudo.append((b":authority", hosts[0]))
        fields.remove((b"host", hosts[0]))
    return pseudo + fields


def _size(fields: list[tuple[bytes, bytes]]) -> int | None:
    """Bytes of body; None for a list of lengths, which is no number here."""
    lengths = [value for name, value in fields if name == b"content-length"]
    if any(b"," in length for length in lengths):
        return None
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0


SPOKEN = [row for row in ROWS if translated(row.values[0]) is not None]  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["asgi", "wsgi", "wsgi inline"])
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    """The echo application in one mode."""
    with serve_echo(request.param) as echo:
        yield echo


def test_much_of_the_table_is_spoken() -> None:
    """A third of it: most rows are about how HTTP/1.1 is framed."""
    assert len(SPOKEN) * 3 > len(ROWS), len(SPOKEN)


@pytest.mark.parametrize("case", SPOKEN)
def test_over_streams(echo: Echo, case: Case) -> None:
    """Every request on a stream of its own, all at once; those behind a refused one as well."""
    if case.only not in (None, echo.interface):
        pytest.skip(f"a row about {case.only}")
    with connect(echo.tcp) as client:
        answers = [ask(client, asked) for asked in translated(case) or []]
        for due, stream in zip(case.answers, answers, strict=False):
            answer = finish(client, stream)
            allowed = DIFFERENT.get(case.name) or ((due,) if isinstance(due, int) else due)
            refused = 400 in allowed and answer.reset is not None
            assert answer.status in allowed or refused, (answer.status, client.goaway)
        told = [client.answers[stream] for stream in answers]
        bodies = [json.loads(bytes(one.body)) for one in told if one.status == 200 and one.body]
        for echoed, seen in zip(bodies, case.seen, strict=False):
            check_seen(echoed, seen)
        assert client.get("/probe").status == 200


def ask(client: Client, asked: Asked) -> int:
    """Send one request as it is."""
    stream: int = client.h2.get_next_available_stream_id()
    client.answers[stream] = Answer()
    client.h2.send_headers(stream, asked.fields, end_stream=not asked.body)
    if asked.body:
        # A server that refuses the body stops it as well.
        with suppress(h2.exceptions.StreamClosedError):
            client.give(stream, asked.body)
            client.h2.end_stream(stream)
    client.flush()
    return stream


def finish(client: Client, stream: int) -> Answer:
    """The answer, or what there is of it when the connection closes."""
    answer = client.answers[stream]
    while not answer.over and client.read():
        pass
    return answer
