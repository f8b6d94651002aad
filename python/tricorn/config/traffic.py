"""The sections about requests: how HTTP is spoken, what a client may send, how long it may take."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tricorn.config.kinds import KiB, MiB, Seconds, Size, check_utf8
from tricorn.config.setting import setting


def _check_root_path(path: str) -> None:
    if path and (not path.startswith("/") or path.endswith("/")):
        raise ValueError("must start with / and not end with it, as /api")
    check_utf8(path)


def _check_health_path(path: str) -> None:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
        raise ValueError(
            "must be a path without a / at its end, as /health; live and ready go below"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """HTTP: what requests and responses look like."""

    root_path: str = setting(
        "",
        everyday=True,
        metavar="PATH",
        check=_check_root_path,
        help="Path a proxy mounts the application on: root_path in ASGI, SCRIPT_NAME in WSGI.",
        gunicorn="root_path",
        uvicorn="root_path",
    )
    health_path: str | None = setting(
        None,
        metavar="PATH",
        check=_check_health_path,
        help="Answer PATH/live and PATH/ready without the application: 200, and 503 for ready "
        "once the server is to stop.",
    )
    server_header: bool = setting(
        True,
        help="Add a Server field to responses that have none.",
        uvicorn="server_header",
    )
    date_header: bool = setting(
        True,
        help="Add a Date field to responses that have none.",
        uvicorn="date_header",
    )
    underscore_headers: str = setting(
        "drop",
        choices=("drop", "refuse", "keep"),
        help="Request fields with _ in their name, which WSGI cannot tell from those with -: "
        "drop them, refuse the request, or keep them.",
        gunicorn="header_map",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits: how much a client may send, and how much is held for it."""

    # Twice the 32 KiB of nginx (four buffers of 8 KiB): tokens and cookies have grown.
    head_size: Size = setting(
        64 * KiB,
        least=1 * KiB,
        most=1 * MiB,
        help="Bytes of a request's head, request line and fields; above it 431.",
        gunicorn="limit_request_field_size",
        uvicorn="h11_max_incomplete_event_size",
    )
    head_fields: int = setting(
        100,
        least=1,
        most=1000,
        help="Fields of a request's head; above it 431.",
        gunicorn="limit_request_fields",
    )
    # RFC 9110 section 4.1 recommends to support at least 8000 octets.
    target_size: Size = setting(
        16 * KiB,
        least=256,
        most=1 * MiB,
        help="Bytes of a request's target; above it 414.",
        gunicorn="limit_request_line",
    )
    body_size: Size = setting(
        0,
        help="Bytes of a request's body, 0 for no limit; above it 413.",
    )
    discard_size: Size = setting(
        256 * KiB,
        most=64 * MiB,
        help="Bytes of a body the application did not read that are read and discarded to keep "
        "the connection; above it the connection is closed.",
    )
    write_buffer: Size = setting(
        64 * KiB,
        least=1 * KiB,
        most=64 * MiB,
        help="Bytes of a response that wait for the client before the application has to.",
    )
    connections: int = setting(
        0,
        flag="--worker-connections",
        least=0,
        most=10_000_000,
        help="Connections a worker holds open, 0 for seven eighths of its descriptor limit.",
        gunicorn="worker_connections",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Timeouts: how long a client is waited for."""

    head: Seconds = setting(
        10.0,
        flag="--head-timeout",
        least=0.1,
        help="Time for the whole head of a request, from its first byte; after it 408.",
    )
    keep_alive: Seconds = setting(
        5.0,
        everyday=True,
        help="Time a connection may be idle between requests.",
        gunicorn="keepalive",
        uvicorn="timeout_keep_alive",
    )
    body: Seconds = setting(
        30.0,
        flag="--body-timeout",
        least=0.1,
        help="Time between two pieces of a request's body; after it 408.",
    )
    # The same floor as Kestrel's; slow enough for any honest link.
    body_rate: Size = setting(
        240,
        metavar="SIZE",
        help="Bytes per second that a body must reach on average, 0 for no floor; below it 408.",
    )
    write: Seconds = setting(
        30.0,
        flag="--write-timeout",
        least=0.1,
        help="Time a client may take no bytes of a response; after it the connection is reset.",
    )
    linger: Seconds = setting(
        2.0,
        flag="--linger-timeout",
        help="Time to read on after a last response, so that a client still sending gets it; "
        "as long as more comes, 15 times as long.",
    )
