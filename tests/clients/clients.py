"""The clients, how each is started, what it speaks, and what its machine must have."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.kit.process import ROOT

FULL = "CLIENTS_FULL" in os.environ
"""Whether all of them run, with bodies of full size."""
GO = ROOT / ".tools" / "go-client"
NODE = Path(__file__).parent / "node"


@dataclass(frozen=True, slots=True)
class Over:
    """How a client reaches the server."""

    http: str
    tls: bool

    def __str__(self) -> str:
        return f"HTTP/{self.http}{' over TLS' if self.tls else ''}"


H1, H1_TLS = Over("1.1", False), Over("1.1", True)
H2, H2_TLS = Over("2", False), Over("2", True)


@dataclass(frozen=True, slots=True)
class Client:
    """A program of this directory."""

    command: tuple[str, ...]
    speaks: tuple[Over, ...]
    missing: Callable[[], str | None]
    """What to do to have it, or None if it is there."""
    unable: dict[str, str] = field(default_factory=dict)
    """What it can't do, over a version or at all, and why; each was looked for in its code."""
    always: bool = True
    """Whether it runs in small sizes too."""

    def can(self, row: str, over: Over) -> bool:
        """Whether it does what a row asks for."""
        return self.unable.keys().isdisjoint({row, f"{row} over HTTP/{over.http}"})


def python(module: str) -> Callable[[], str | None]:
    """One that is a package of Python."""

    def missing() -> str | None:
        there = importlib.util.find_spec(module) is not None
        return (
            None if there else f"{module} is not installed: pip install -r tests/requirements.txt"
        )

    return missing


def curl() -> str | None:
    """It must speak HTTP/2, as those of all distributions do."""
    return None if shutil.which("curl") else "curl is not installed: get the package curl"


def go() -> str | None:
    """It is built by make."""
    return None if GO.exists() else "it is not built: install Go 1.24 or newer, then `make clients`"


def node() -> str | None:
    """Node itself."""
    return None if shutil.which("node") else "node is not installed: get Node.js 20 or newer"


def undici() -> str | None:
    """It is fetched by make."""
    there = (NODE / "node_modules" / "undici").exists()
    return node() or (None if there else "undici is not fetched: install npm, then `make clients`")


def _python(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.clients.with_{name}")


def _node(name: str) -> tuple[str, ...]:
    return ("node", str(NODE / f"with_{name}.mjs"))


NO_TRAILERS = {"trailers": "it neither sends nor shows them"}
NO_CANCEL = {
    # httpcore 1.0: the stream of an answer that is given up is not reset, and what comes on it is
    # not acknowledged, until the connection's window is used up.
    "cancel over HTTP/2": "it stops taking what comes, and the next request waits behind it",
}

CLIENTS = {
    "httpx": Client(
        _python("httpx"), (H1, H1_TLS, H2, H2_TLS), python("httpx"), NO_TRAILERS | NO_CANCEL
    ),
    "requests": Client(_python("requests"), (H1, H1_TLS), python("requests"), NO_TRAILERS),
    "aiohttp": Client(_python("aiohttp"), (H1, H1_TLS), python("aiohttp"), NO_TRAILERS),
    # HTTP/2 not in the clear: version 7.88 can't use a connection of prior knowledge twice,
    # whatever the server.
    "curl": Client(_python("curl"), (H1, H1_TLS, H2_TLS), curl),
    "go": Client((str(GO),), (H1, H1_TLS, H2, H2_TLS), go, always=False),
    "node-http": Client(_node("http"), (H1, H1_TLS), node, always=False),
    "node-http2": Client(_node("http2"), (H2, H2_TLS), node, always=False),
    "undici": Client(
        _node("undici"),
        (H1, H1_TLS, H2_TLS),
        undici,
        {
            "expect": "it refuses the field Expect",
            "trailers over HTTP/2": "it does not hand them on",
        },
        always=False,
    ),
}
