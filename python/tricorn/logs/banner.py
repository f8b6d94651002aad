"""What the server says of itself when it starts to serve, and when it stops."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tricorn.version import version

INTERFACES = {"asgi": "ASGI 3", "asgi2": "ASGI 2", "wsgi": "WSGI"}
"""How each interface is called in messages."""


@dataclass(frozen=True, slots=True)
class Banner:
    """The facts of one start.

    ``name`` is APP as it was found, ``addresses`` the display form of each listener,
    ``detail`` how it runs: the loop for ASGI, as ``uvloop``, or the threads for WSGI. ``seconds``
    is how long the start took. ``failure`` is why every answer is only a page with the error.
    """

    name: str
    interface: str
    addresses: Sequence[str]
    detail: str
    seconds: float
    failure: str = ""

    def text(self) -> str:
        """One line for people and for test kits, which read the address from it."""
        return f"tricorn: {self._serving()} ({self._how()}, pid {os.getpid()})"

    def message(self) -> str:
        """The same for the error log, whose lines begin with the process id."""
        if self.failure:
            return f"{self._serving()} ({self._how()})"
        return (
            f"{self._serving()} ({self._how()}, started in {self.seconds:.2f} s, "
            f"Tricorn {version()})"
        )

    def _serving(self) -> str:
        addresses = ", ".join(self.addresses)
        if self.failure:
            return (
                f"{self.name} is not served: {self.failure}; waiting for a change of the files, "
                f"the error is shown on {addresses}"
            )
        return f"serving {self.name} ({INTERFACES[self.interface]}) on {addresses}"

    def _how(self) -> str:
        return f"{self.detail}, Python {sys.version.split()[0]}"


def stopping(cause: str, in_flight: int, fate: str, is_typed: bool = False) -> str:
    """What the server still has now that it stops; for the error log.

    ``cause`` is who has asked for it, as ``SIGTERM`` or ``tricorn stop``; ``fate`` is what becomes
    of the requests in flight, as ``30 s at most``; ``is_typed`` tells that it was Ctrl-C.
    """
    what = "no request is in flight"
    if in_flight:
        count = "1 request is" if in_flight == 1 else f"{in_flight} requests are"
        what = f"{count} in flight, {fate}"
    text = f"stopping ({cause}): {what}"
    return f"{text}; press Ctrl-C again to quit" if is_typed and in_flight else text


def stopping_later(cause: str, delay: float) -> str:
    """What happens before a stop with ``--drain-delay``, in seconds; for the error log."""
    return f"stopping ({cause}) in {delay:g} s (--drain-delay): requests are served on"


def at_most(seconds: float) -> str:
    """What becomes of requests that get time to finish."""
    return f"{seconds:g} s at most"
