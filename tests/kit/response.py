"""Read one HTTP/1.1 response from a byte source, refusing anything RFC 9112 does not allow."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*")
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e]*)?")
SINGLE_FIELDS = ("content-length", "date", "server", "transfer-encoding")

Fields = tuple[tuple[str, str], ...]


class BadResponseError(AssertionError):
    """The server sent bytes that are not a valid response; the text says which rule they break."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response message: ``fields`` are (lower-case name, value) in the order received.

    ``framing`` says what ended the body: 'none' (no body allowed), 'length', 'chunked' or 'close'.
    """

    status: int
    reason: str
    fields: Fields
    body: bytes = b""
    trailers: Fields = ()
    framing: str = "none"
    interim: tuple[int, ...] = field(default=())

    def header(self, name: str) -> str | None:
        """The field's value, its lines joined with ', '; None when the field is absent."""
        values = [value for key, value in self.fields if key == name.lower()]
        return ", ".join(values) if values else None

    def says(self, option: str) -> bool:
        """Whether the Connection field lists ``option``."""
        listed = (self.header("connection") or "").lower().split(",")
        return option in (item.strip() for item in listed)


class Incoming:
    """A buffer over ``receive()``, which returns b'' at the end of the stream."""

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self.buffer = bytearray()
        self.ended = False

    def fill(self) -> bool:
        """Take what arrives next; False at the end of the stream."""
        data = b"" if self.ended else self._receive()
        self.ended = not data
        self.buffer += data
        return not self.ended

    def exactly(self, size: int) -> bytes:
        """``size`` bytes; BadResponseError when the stream ends before them."""
        while len(self.buffer) < size:
            if not self.fill():
                raise BadResponseError(f"ended after {bytes(self.buffer)!r}, {size} bytes were due")
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def line(self) -> bytes:
        """One line without its CRLF; a bare LF or CR is refused."""
        while b"\n" not in self.buffer:
            if not self.fill():
                raise BadResponseError(f"ended inside a line: {bytes(self.buffer)!r}")
        line = self.exactly(self.buffer.index(b"\n") + 1)
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            raise BadResponseError(f"a line must end with one CRLF: {line!r}")
        return line[:-2]

    def rest(self) -> bytes:
        """Everything up to the end of the stream."""
        while self.fill():
            pass
        return self.exactly(len(self.buffer))


def read_response(source: Incoming, method: str = "GET") -> Response:
    """Read the final response to a request with ``method``; interim statuses are kept aside.

    Raises BadResponseError for anything RFC 9112 sections 4 to 7 do not allow.
    """
    interim: list[int] = []
    while True:
        status, reason, fields = read_head(source)
        if status >= 200 or status == 101:
            break
        interim.append(status)
    framing = framing_of(status, method, fields)
    body, trailers = read_body(source, framing, dict(fields))
    return Response(
        status=status,
        reason=reason,
        fields=fields,
        body=body,
        trailers=trailers,
        framing=framing,
        interim=tuple(interim),
    )


def read_head(source: Incoming) -> tuple[int, str, Fields]:
    """Read a status line and its fields, up to and with the empty line."""
    line = source.line()
    found = STATUS_LINE.fullmatch(line)
    if found is None:
        raise BadResponseError(f"not a status line: {line!r}")
    fields = read_fields(source)
    names = [name for name, _ in fields]
    for name in SINGLE_FIELDS:
        if names.count(name) > 1:
            raise BadResponseError(f"{name} is sent more than once: {fields!r}")
    return int(found[1]), found[2].decode("latin-1"), fields


def read_fields(source: Incoming) -> Fields:
    """Read field lines up to and with the empty line: a header or a trailer section."""
    fields: list[tuple[str, str]] = []
    while line := source.line():
        found = FIELD_LINE.fullmatch(line)
        if found is None:
            raise BadResponseError(f"not a field line: {line!r}")
        fields.append((found[1].decode("ascii").lower(), found[2].decode("latin-1")))
    return tuple(fields)


def framing_of(status: int, method: str, fields: Fields) -> str:
    """How the body ends (RFC 9112 section 6.3); BadResponseError when the fields contradict it."""
    named = dict(fields)
    coding, length = named.get("transfer-encoding"), named.get("content-length")
    if (status < 200 or status == 204) and (coding is not None or length is not None):
        raise BadResponseError(f"a {status} must not frame a body: {fields!r}")
    if coding is not None and length is not None:
        raise BadResponseError(f"both Transfer-Encoding and Content-Length: {fields!r}")
    if coding not in (None, "chunked"):
        raise BadResponseError(f"unexpected transfer coding: {coding!r}")
    if length is not None and not (length.isascii() and length.isdigit()):
        raise BadResponseError(f"bad Content-Length: {length!r}")
    if method == "HEAD" or status < 200 or status in (204, 304):
        return "none"
    return "chunked" if coding else "length" if length is not None else "close"


def read_body(source: Incoming, framing: str, fields: dict[str, str]) -> tuple[bytes, Fields]:
    """The body and, when it is chunked, its trailers."""
    if framing == "length":
        return source.exactly(int(fields["content-length"])), ()
    if framing == "chunked":
        return read_chunked(source)
    return (source.rest(), ()) if framing == "close" else (b"", ())


def read_chunked(source: Incoming) -> tuple[bytes, Fields]:
    """Decode a chunked body (RFC 9112 section 7.1) and read its trailers."""
    body = bytearray()
    while True:
        line = source.line()
        found = CHUNK_LINE.fullmatch(line)
        if found is None:
            raise BadResponseError(f"not a chunk size: {line!r}")
        size = int(found[1], 16)
        if not size:
            return bytes(body), read_fields(source)
        body += source.exactly(size)
        if source.exactly(2) != b"\r\n":
            raise BadResponseError("chunk data must be followed by CRLF")
