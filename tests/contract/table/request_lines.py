"""Rows about the request line: method, version, spaces, line ends (RFC 9112 2 and 3)."""

from __future__ import annotations

from tests.contract.case import CLOSED, KEPT, SMUGGLED, After, Case, Due, Seen, get, head

HOST = b"Host: example.test"


def line(
    name: str, source: str, request_line: bytes, due: Due = 400, after: After = CLOSED, **seen: str
) -> Case:
    """A row that is told by its request line alone."""
    return Case(
        name=name,
        source=source,
        sent=head(request_line, HOST) + (SMUGGLED if after is CLOSED else b""),
        answers=(due,),
        after=after,
        seen=(Seen(**seen),) if seen else (),  # type: ignore[arg-type]
    )


TCHARS = "!#$%&'*+-.^_`|~09AZaz"

CASES = (
    line("plain get", "RFC 9112 3", b"GET / HTTP/1.1", 200, KEPT, path="/"),
    line("lower-case method", "RFC 9110 9.1", b"get / HTTP/1.1", 200, KEPT, method="get"),
    line(
        "method of every token byte",
        "RFC 9110 9.1",
        TCHARS.encode() + b" / HTTP/1.1",
        200,
        KEPT,
        method=TCHARS,
    ),
    line(
        "unknown method",
        "RFC 9110 9.1",
        b"BREW /pot HTTP/1.1",
        200,
        KEPT,
        method="BREW",
        path="/pot",
    ),
    line("delete", "RFC 9110 9.3.5", b"DELETE / HTTP/1.1", 200, KEPT, method="DELETE"),
    line("trace", "RFC 9110 9.3.8", b"TRACE / HTTP/1.1", 200, KEPT, method="TRACE"),
    line("method with a bracket", "RFC 9110 9.1", b"G(T / HTTP/1.1"),
    line("method with a quote", "RFC 9110 9.1", b'"GET" / HTTP/1.1'),
    line("method with a colon", "RFC 9110 9.1", b"GE:T / HTTP/1.1"),
    line("method with a high byte", "RFC 9110 9.1", b"G\xc9T / HTTP/1.1"),
    line("method with NUL", "RFC 9110 9.1", b"G\0T / HTTP/1.1"),
    line("no method", "RFC 9112 3", b" / HTTP/1.1"),
    line("space before the method", "RFC 9112 3", b" GET / HTTP/1.1"),
    line("tab for a space", "RFC 9112 3", b"GET\t/ HTTP/1.1"),
    line("two spaces before the target", "RFC 9112 3", b"GET  / HTTP/1.1"),
    line("two spaces before the version", "RFC 9112 3", b"GET /  HTTP/1.1"),
    line("space after the version", "RFC 9112 3", b"GET / HTTP/1.1 "),
    line("no target", "RFC 9112 3", b"GET HTTP/1.1"),
    line("method alone", "RFC 9112 3", b"GET"),
    line("HTTP/0.9 request", "RFC 9112 2.3", b"GET /"),
    line("no version after the space", "RFC 9112 3", b"GET / "),
    line("lower-case protocol name", "RFC 9112 2.3", b"GET / http/1.1"),
    line("other protocol name", "RFC 9112 2.3", b"GET / ICY/1.1"),
    line("version without a minor", "RFC 9112 2.3", b"GET / HTTP/1"),
    line("version with a long minor", "RFC 9112 2.3", b"GET / HTTP/1.10"),
    line("version with a long major", "RFC 9112 2.3", b"GET / HTTP/01.1"),
    line("version with a comma", "RFC 9112 2.3", b"GET / HTTP/1,1"),
    line("version with letters", "RFC 9112 2.3", b"GET / HTTP/a.b"),
    line("version with a sign", "RFC 9112 2.3; CVE-2024-23829 (aiohttp)", b"GET / HTTP/-1.1"),
    line("version with NUL", "RFC 9112 2.3", b"GET / HTTP/1.1\0"),
    line("major version 2", "RFC 9110 15.6.6", b"GET / HTTP/2.0", 505),
    line("major version 3", "RFC 9110 15.6.6", b"GET / HTTP/3.0", 505),
    line("major version 0", "RFC 9110 15.6.6", b"GET / HTTP/0.9", 505),
    # RFC 9110 2.5 says a server SHOULD treat a higher minor version as the highest it knows. No
    # such version exists; refusing it is our choice, as no honest client sends it.
    line("unknown minor version", "RFC 9110 2.5 (stricter by choice)", b"GET / HTTP/1.2", 505),
    Case(
        name="one CRLF before the request line",
        source="RFC 9112 2.2",
        sent=b"\r\n" + get(),
        answers=(200,),
        after=KEPT,
        seen=(Seen(),),
    ),
    Case(
        name="two CRLFs before the request line",
        source="RFC 9112 2.2 (one at most, by choice)",
        sent=b"\r\n\r\n" + get(),
        answers=(400,),
    ),
    Case(
        name="bare LF before the request line",
        source="RFC 9112 2.2",
        sent=b"\n" + get(),
        answers=(400,),
    ),
    Case(
        name="bare CR before the request line",
        source="RFC 9112 2.2",
        sent=b"\r" + get(),
        answers=(400,),
    ),
    Case(
        name="bare LF ends the request line",
        source="RFC 9112 2.2; CVE-2019-16785 (waitress)",
        sent=b"GET / HTTP/1.1\nHost: example.test\r\n\r\n" + SMUGGLED,
        answers=(400,),
    ),
    Case(
        name="bare CR ends the request line",
        source="RFC 9112 2.2",
        sent=b"GET / HTTP/1.1\rHost: example.test\r\n\r\n" + SMUGGLED,
        answers=(400,),
    ),
    Case(
        name="CR CR LF ends the request line",
        source="RFC 9112 2.2",
        sent=b"GET / HTTP/1.1\r\r\nHost: example.test\r\n\r\n",
        answers=(400,),
    ),
    Case(
        name="TLS client hello on a plain port",
        source="RFC 9112 2.2",
        sent=bytes.fromhex("1603010200010001fc0303") + b"\xa5" * 64,
        answers=(400,),
    ),
    Case(
        name="banner of another protocol",
        source="RFC 9112 2.2",
        sent=b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        answers=(400,),
    ),
    Case(
        name="nothing but the end",
        source="RFC 9112 9.5",
        sent=b"",
        answers=(),
        half_close=True,
    ),
    Case(
        name="an empty line and the end",
        source="RFC 9112 2.2",
        sent=b"\r\n",
        answers=(),
        half_close=True,
    ),
    Case(
        name="end inside the request line",
        source="RFC 9112 8",
        sent=b"GET / HT",
        answers=(400,),
        half_close=True,
        may_be_silent=True,
    ),
)
