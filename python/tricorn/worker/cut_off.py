"""Names the requests that a stop cuts off, for the error log."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from tricorn.worker.hooks import tell
from tricorn.worker.place import Place

TIME_IS_UP = "--graceful-timeout is over"
"""Why, if they have had their time."""
AT_ONCE = "the server was told to stop quickly"
"""Why, if somebody has asked for a quick stop."""
_SHOWN = 20
"""Lines at the most."""


def tell_cut_off(place: Place, why: str, others: Sequence[str] = ()) -> None:
    """Log the requests of ``place``, and ``others`` in words, that get no more time."""
    now = time.monotonic()
    texts = [
        f"{one['request']} of {one['client'] or 'a client without an address'}"
        f" is cut off after {max(0.0, now - one['started'] / 1000):.1f} s"
        for one in place.requests()
    ]
    unnamed = max(0, place.in_flight() - len(texts))  # the table of names is of a fixed size
    texts += [f"{one} is cut off" for one in others]
    for text in texts[:_SHOWN]:
        tell(logging.WARNING, "%s: %s", text, why)
    if more := unnamed + len(texts[_SHOWN:]):
        tell(logging.WARNING, "%d more requests are cut off: %s", more, why)
