"""A crowd of hostile clients as a process: ``python -m tests.hostile.attackers HOST PORT``.

It obeys lines on stdin: ``go`` opens the crowd and answers ``attacking``, ``rest`` closes it and
answers ``resting``; it ends with its stdin. While it attacks, 2,000 unfinished heads get one more
byte each in every second or two, 40 clients read nothing of a large answer, and about 200 clients
a second end in the middle of something.
"""

from __future__ import annotations

import itertools
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.hostile.clients import CUT_SHORT, ENDINGS, connected, cut_short, get
from tests.kit import Wire
from tests.kit.wire import Address

SLOW, STALLED = 2000, 40
STEP = 0.02
"""Seconds between two blows."""
BLOW = 30
"""Heads that get one more byte in one blow."""


@contextmanager
def crowd(address: Address) -> Iterator[list[Wire]]:
    """The slow heads, after the stalled readers have asked for what they will not read."""
    with connected(address, STALLED) as stalled, connected(address, SLOW) as slow:
        for at, wire in enumerate(stalled):
            wire.send(get(("/large", "/stream")[at % 2]))
        for wire in slow:
            wire.send(b"GET / HTTP/1.1\r\nX-Slow: ")
        yield slow


def attack(address: Address) -> None:
    """Open the crowd and strike until a line comes."""
    blows = itertools.cycle(itertools.product(CUT_SHORT, ENDINGS))
    with crowd(address) as slow:
        print("attacking", flush=True)
        ring = itertools.cycle(slow)
        while not select.select([sys.stdin], [], [], STEP)[0]:
            for wire in itertools.islice(ring, BLOW):
                wire.send(b"x")
            cut_short(address, *next(blows), 5)
    print("resting", flush=True)


def main(host: str, port: str) -> None:
    """Obey until stdin ends."""
    for line in iter(sys.stdin.readline, ""):
        if line.strip() == "go":
            attack((host, int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
