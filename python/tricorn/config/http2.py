"""The section about HTTP/2: whether it is spoken, and how much one connection may have."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.kinds import KiB, MiB, Size
from tricorn.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Http2:
    """HTTP/2: many requests at a time on one connection."""

    http2: str = setting(
        "on",
        choices=("on", "off", "only"),
        help="Speak HTTP/2 with clients that want it, by agreement (ALPN) over TLS and else with "
        "prior knowledge: on, off, or only HTTP/2, so that requests of HTTP/1.1 are not served.",
    )

    cleartext: str = setting(
        "anyone",
        needs="http2",
        flag="--http2-cleartext",
        choices=("anyone", "trusted"),
        help="Whose greeting is believed without TLS: anyone's, or only that of the proxies that "
        "--forwarded-allow-ips names; from others it is refused with 505.",
    )

    @property
    def protocols(self) -> list[bytes]:
        """The names that ALPN (RFC 7301) may choose from, the best first."""
        return {"on": [b"h2", b"http/1.1"], "off": [b"http/1.1"], "only": [b"h2"]}[self.http2]

    streams: int = setting(
        128,
        needs="http2",
        flag="--http2-streams",
        least=1,
        most=10_000,
        help="Requests that a client may have at a time on one connection.",
        gunicorn="http2_max_concurrent_streams",
    )
    stream_window: Size = setting(
        256 * KiB,
        needs="http2",
        flag="--http2-stream-window",
        least=64 * KiB,
        most=1024 * MiB,
        help="Bytes of a request's body that a client may send before the application has read "
        "them.",
        gunicorn="http2_initial_window_size",
    )
    # Less than all streams may fill together is a trap: bodies that nobody reads yet would keep the
    # one that is read from coming.
    window: Size = setting(
        0,
        needs="http2",
        flag="--http2-window",
        least=0,
        most=2048 * MiB - 1,
        help="The same for all requests of one connection together, 0 for as much as they may "
        "send each; with less, requests that wait can hold up the one that is served.",
    )
