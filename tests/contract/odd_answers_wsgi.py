"""The same answers as odd_answers_asgi, given over WSGI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tests.contract.odd_answers_asgi import ANSWERS

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path; ``/raises`` and ``/raises-late`` fail, ``/silent`` says nothing."""
    path = environ["PATH_INFO"]
    if path == "/raises":
        raise RuntimeError("on purpose")
    if path == "/silent":
        return []
    status, headers, pieces = ANSWERS.get(path, ANSWERS["/exact"])
    texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    start_response(f"{status} As Told", texts)
    if path == "/raises-late":
        raise RuntimeError("on purpose, late")
    return iter(pieces)
