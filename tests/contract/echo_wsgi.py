"""The WSGI echo application of the contract: it answers with what it was given."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from tests.contract.echo_answers import OUTCOMES, answer_for, as_json, run_id

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path; see echo_answers."""
    answer = answer_for(path_of(environ))
    run = run_id(environ["QUERY_STRING"])
    body = b""
    if answer.reads:
        OUTCOMES[run] = "broken"
        body = environ["wsgi.input"].read()
        OUTCOMES[run] = "whole"
    echo = echo_of(environ, body)
    headers = [("Content-Type", "application/json")]
    if answer.framed:
        headers.append(("Content-Length", str(len(echo))))
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    if answer.status in (204, 304):
        return []
    return [echo] if answer.framed else (echo[at : at + 64] for at in range(0, len(echo), 64))


def path_of(environ: WSGIEnvironment) -> str:
    """PATH_INFO as text: PEP 3333 carries its bytes as latin-1."""
    path: str = environ["PATH_INFO"]
    return path.encode("latin-1").decode("utf-8", "replace")


def echo_of(environ: WSGIEnvironment, body: bytes) -> bytes:
    """What the application saw of the request, as JSON."""
    fields = [
        (name[5:].replace("_", "-").lower(), value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    plain = (name for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name))
    fields += [(name.replace("_", "-").lower(), environ[name]) for name in plain]
    return as_json(
        method=environ["REQUEST_METHOD"],
        path=path_of(environ),
        query=environ["QUERY_STRING"],
        fields=fields,
        body=body,
    )
