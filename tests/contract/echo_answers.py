"""What both echo applications do for each path, and the memory of how each body ended.

Paths: ``/first`` answers without reading the body, ``/unframed`` gives no length, ``/204`` and
``/304`` have those statuses, ``/outcome`` tells how the body of the run named in its query ended;
every other path reads the body and echoes the request.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qs

OUTCOMES: dict[str, str] = {}
"""Run id -> 'reading', 'whole' or 'broken': what the application got of the body of that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How to answer: the status, whether to read the body first, whether to send a length."""

    status: int = 200
    reads: bool = True
    framed: bool = True


ANSWERS = {
    "/first": Answer(reads=False),
    "/outcome": Answer(reads=False),
    "/unframed": Answer(framed=False),
    "/204": Answer(status=204, framed=False),
    "/304": Answer(status=304),
}


def answer_for(path: str) -> Answer:
    """The answer that ``path`` asks for."""
    return ANSWERS.get(path, Answer())


def run_id(query: str) -> str:
    """The value of ``run`` in a query string; empty without one."""
    return parse_qs(query).get("run", [""])[0]


def as_json(
    *, method: str, path: str, query: str, fields: list[tuple[str, str]], body: bytes
) -> bytes:
    """One echo: header fields in their order, the body as latin-1 text."""
    return json.dumps(
        {
            "method": method,
            "path": path,
            "query": query,
            "fields": fields,
            "body": body.decode("latin-1"),
            "outcome": OUTCOMES.get(run_id(query), "never called"),
        }
    ).encode()
