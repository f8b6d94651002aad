"""The section about admission: how many requests the application has at a time, and who waits."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.kinds import Seconds
from tricorn.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Admission: how many requests a worker takes on."""

    max_in_flight: int = setting(
        0,
        least=0,
        most=10_000_000,
        help="Requests the application of a worker has at a time, 0 for any number; others wait "
        "in a queue, first come, first served.",
        uvicorn="limit_concurrency",
    )
    max_queued: int = setting(
        100,
        needs="max_in_flight",
        least=0,
        most=10_000_000,
        help="Requests that wait in that queue; above it 503 with Retry-After.",
    )
    queue_timeout: Seconds = setting(
        5.0,
        needs="max_in_flight",
        least=0.1,
        help="Time a request may wait in that queue; after it 503 with Retry-After.",
    )
