"""What the server says of itself when it starts to serve."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

INTERFACES = {"asgi": "ASGI 3", "asgi2": "ASGI 2", "wsgi": "WSGI"}
"""How each interface is called in messages."""


@dataclass(frozen=True, slots=True)
class Banner:
    """The facts of one start.

    ``name`` is APP as it was found, ``addresses`` the display form of each listener,
    ``detail`` how it runs: the loop for ASGI, as ``uvloop``, or the threads for WSGI.
    """

    name: str
    interface: str
    addresses: Sequence[str]
    detail: str

    def text(self) -> str:
        """One line for people and for test kits, which read the address from it."""
        interface = INTERFACES[self.interface]
        return (
            f"tricorn: serving {self.name} ({interface}) on {', '.join(self.addresses)} "
            f"({self.detail}, Python {sys.version.split()[0]}, pid {os.getpid()})"
        )
