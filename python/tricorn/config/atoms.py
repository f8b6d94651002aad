"""The grammar of an access log format, Gunicorn's atoms; the core writes the lines."""

from __future__ import annotations

import re

DEFAULT_FORMAT = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'

ATOMS = {
    "h": "address of the client",
    "l": "always `-`",
    "u": "user name of Basic authentication",
    "t": "time of the request's end, `[01/Dec/2026:13:30:01 +0000]`",
    "r": "request line: method, target and version",
    "m": "method",
    "U": "path, without the query",
    "q": "query",
    "H": "protocol, `HTTP/1.1`",
    "s": "status code",
    "color": "what colours the text behind it by the status, on a terminal",
    "B": "bytes of the response body",
    "b": "bytes of the response body, `-` for none",
    "f": "Referer",
    "a": "User-Agent",
    "T": "duration in whole seconds",
    "M": "duration in whole milliseconds",
    "D": "duration in microseconds",
    "L": "duration in seconds with six decimals",
    "id": "id of the request, with `--request-id`",
    "p": "process id, `<1234>`",
}
"""Each atom ``%(x)s`` with its meaning, the same as Gunicorn's; ``id`` and ``color`` are ours."""

_PERCENT = re.compile(r"%(?:\((?P<atom>[^()]*)\)s|(?P<literal>%)|)")
_LOOKUP = re.compile(r"\{[!#$%&'*+.^_`|~0-9A-Za-z-]+\}[ioe]")


def check_access_format(text: str) -> None:
    """Raise ValueError for a format that the core could not write.

    A format is ``json`` or text with ``%(x)s`` atoms, ``%({name}i)s`` (request header),
    ``%({name}o)s`` (response header), ``%({name}e)s`` (environment) and ``%%``.
    """
    if text == "json":
        return
    if not text or "\n" in text or "\r" in text:
        raise ValueError("must be one line that is not empty, or json")
    found = list(_PERCENT.finditer(text))
    for match in found:
        if match["atom"] is not None:
            _check_atom(match["atom"])
        elif match["literal"] is None:
            raise ValueError(
                f"has a lone % at character {match.start() + 1}; write %% for the sign itself"
            )
    if not any(match["atom"] for match in found):
        raise ValueError("has no atom, and every line would be the same; write json, or %(h)s …")


def _check_atom(atom: str) -> None:
    if atom not in ATOMS and not _LOOKUP.fullmatch(atom):
        known = " ".join(ATOMS)
        raise ValueError(
            f"has the unknown atom %({atom})s; known are {known}, "
            "{header}i, {header}o and {variable}e"
        )
