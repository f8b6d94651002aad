"""The section about WebSocket: how large messages are, who waits for whom, and compression."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.kinds import MiB, Seconds, Size
from tricorn.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocket:
    """WebSocket: messages, keep-alive and compression."""

    max_size: Size = setting(
        16 * MiB,
        flag="--ws-max-size",
        least=1,
        most=1024 * MiB,
        help="Largest message of a client, after inflating; above it the connection is closed "
        "with 1009.",
        gunicorn="websocket_max_message_size",
        uvicorn="ws_max_size",
    )
    max_queue: int = setting(
        32,
        flag="--ws-max-queue",
        least=1,
        most=100_000,
        help="Messages of a client that are read ahead of the application, and no more than "
        "64 KiB of them; then the client has to wait.",
        uvicorn="ws_max_queue",
    )
    ping_interval: Seconds = setting(
        20.0,
        flag="--ws-ping-interval",
        least=0.0,
        help="Time without anything from a client after which it is sent a ping, 0 for never.",
        uvicorn="ws_ping_interval",
    )
    ping_timeout: Seconds = setting(
        20.0,
        needs="ws_ping_interval",
        flag="--ws-ping-timeout",
        least=0.0,
        help="Time in which something must come after a ping, 0 for any; after it the connection "
        "is closed with 1011.",
        uvicorn="ws_ping_timeout",
    )
    close_timeout: Seconds = setting(
        10.0,
        flag="--ws-close-timeout",
        least=0.1,
        help="Time that a client has to answer a close; after it the connection is dropped.",
    )
    per_message_deflate: bool = setting(
        True,
        flag="--ws-per-message-deflate",
        help="Compress messages with clients that offer it (RFC 7692).",
        uvicorn="ws_per_message_deflate",
    )
    context_takeover: bool = setting(
        True,
        needs="ws_per_message_deflate",
        flag="--ws-context-takeover",
        help="Messages may refer to earlier ones of their connection: smaller messages, for up to "
        "two windows of memory for each connection.",
    )
    window_bits: int = setting(
        12,
        needs="ws_per_message_deflate",
        flag="--ws-window-bits",
        least=9,
        most=15,
        help="How far a compressed message may refer back, as the power of two of bytes.",
    )
