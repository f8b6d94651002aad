"""Look for secrets in the memory of processes that we have started (proc(5), /proc/PID/mem)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SECRET = 32
"""Bytes of a secret."""
ALIGNED = 16
"""Where memory that malloc(3) gave begins."""


def derive(secret: bytes, label: bytes) -> bytes:
    """The next secret in a chain, as the core derives it."""
    return hmac.digest(secret, label, "sha256")


def regions(pid: int, name: str = "") -> Iterator[bytes]:
    """The memory that a process can write to and has for itself, or the part with this name."""
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights, *_ = line.split()
            if rights.startswith("rw-p") and line.endswith(name):
                start, end = (int(part, 16) for part in span.split("-"))
                memory.seek(start)
                with suppress(OSError):  # given back since
                    yield memory.read(end - start)


def holds(pid: int, secrets: list[bytes]) -> bool:
    """Whether one of them is in the memory of the process."""
    return any(secret in region for region in regions(pid) for secret in secrets)


def link_of(pid: int) -> bytes:
    """The link of the chain of tickets' secrets that the process has now.

    It is known by what follows from it, which is behind it.
    """
    for region in regions(pid, "[heap]"):
        for at in range(0, len(region) - 2 * SECRET, ALIGNED):
            link, secret = region[at : at + SECRET], region[at + SECRET : at + 2 * SECRET]
            if derive(link, b"secret") == secret:
                return link
    raise AssertionError("there is no chain")
