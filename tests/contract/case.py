"""One row of the contract table: the bytes sent, the answers due, what the app must see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Due = int | tuple[int, ...]
"""A status that is due, or several of which any will do."""


class After(Enum):
    """What becomes of the connection once the answers have been read."""

    KEPT = "kept"
    CLOSED = "closed"


KEPT, CLOSED = After.KEPT, After.CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the echo application reports of one request it answered with 200.

    ``fields`` must be there with exactly these values (repeated lines joined by ',', Cookie by
    '; '); names in ``absent`` must not be there.
    """

    method: str = "GET"
    path: str = "/"
    query: str = ""
    body: bytes = b""
    fields: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row. ``source`` names the section or the CVE that asks for the behaviour.

    - ``answers``: the final status of each response, in order.
    - ``seen``: what the application saw, one for each answer that is a 200 with a body.
    - ``methods``: the method of each answered request, where it changes how the answer is read.
    - ``half_close``: the client ends its side after the last byte.
    - ``may_be_silent``: the server may also close without any answer.
    - ``announced``: the last answer must say ``Connection: close`` when the connection is closed.
    - ``may_continue``: a 100 may come first; without it any interim response is a failure.
    - ``broken``: the body never ended well, so the application must not see it as whole. The
      bytes ``RUN`` in ``sent`` are replaced by the id of the run.
    - ``only``: the one interface the row is about, 'asgi' or 'wsgi'.
    """

    name: str
    source: str
    sent: bytes
    answers: tuple[Due, ...]
    after: After = CLOSED
    seen: tuple[Seen, ...] = ()
    methods: tuple[str, ...] = ()
    half_close: bool = False
    may_be_silent: bool = False
    announced: bool = True
    may_continue: bool = False
    broken: bool = False
    only: str | None = None

    @property
    def version(self) -> str:
        """The version of the first request as it is written, '' when there is none."""
        line = self.sent.split(b"\r\n", 1)[0]
        return line.rpartition(b" HTTP/")[2].decode("latin-1") if b" HTTP/" in line else ""


def head(*lines: bytes) -> bytes:
    """A head made of these lines, each ended by CRLF, and the empty line."""
    return b"\r\n".join(lines) + b"\r\n\r\n"


def get(*fields: bytes, target: bytes = b"/") -> bytes:
    """A GET over HTTP/1.1 with a Host field and ``fields``."""
    return head(b"GET " + target + b" HTTP/1.1", b"Host: example.test", *fields)


def post(*fields: bytes, body: bytes = b"", target: bytes = b"/?run=RUN") -> bytes:
    """A POST over HTTP/1.1 with a Host field, ``fields`` and whatever follows the head."""
    return head(b"POST " + target + b" HTTP/1.1", b"Host: example.test", *fields) + body


def chunked(body: bytes, *fields: bytes, target: bytes = b"/?run=RUN") -> bytes:
    """A POST whose body is said to be chunked; ``body`` is sent as it stands."""
    return post(b"Transfer-Encoding: chunked", *fields, body=body, target=target)


SMUGGLED = get(target=b"/smuggled")
"""A request that must not be answered: it hides behind one that the server refuses or ends on."""
