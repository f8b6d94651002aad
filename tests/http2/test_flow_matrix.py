"""Flow: bodies of many sizes, in every way to send them, to clients with windows of many sizes.

A stall shows as one thing only: nothing comes although the client has left room. So every
transfer has a deadline for progress, not for its end. Which wake-up is lost depends on who comes
first by microseconds, so this is a small part of the tries; ``make flow`` makes all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http2.conftest import address_of
from tests.kit import serve
from tests.kit.certificates import write_certificate
from tests.kit.flow import DEFAULT, Windows, download
from tests.kit.http2 import agreed, connect_narrowly
from tests.kit.process import ROOT
from tests.kit.wire import Address, Wire

TRIES = int(os.environ.get("FLOW_TRIES", "2"))
PROGRESS = float(os.environ.get("FLOW_PROGRESS", "5"))
"""Seconds within which bytes have to move while there is room; a stall is ended after 30."""
LARGE = int(os.environ.get("FLOW_LARGE", "16777216"))
"""Bytes of the largest bodies."""
MODES = {
    "asgi": ("asgi",),
    "wsgi-1": ("wsgi", "--threads", "1"),
    "wsgi-4": ("wsgi", "--threads", "4"),
    "wsgi-16": ("wsgi", "--threads", "16"),
}
WAYS = ("written", "iterated", "filed", "whole")
CASES = [("asgi", "sent"), *((mode, way) for mode in MODES if mode != "asgi" for way in WAYS)]
each_way = pytest.mark.parametrize(("address", "way"), CASES, indirect=["address"])
HUGE = 2**31 - 1

WINDOWS = {
    "a byte": Windows(1),
    "a thousand, lazily": Windows(1000, lazy=True),
    "the default": Windows(),
    "the default, lazily": Windows(lazy=True),
    "small streams": Windows(16_384, 1 << 20),
    "a mebibyte": Windows(1 << 20, 1 << 20),
    "16 mebibytes, lazily": Windows(1 << 24, 1 << 24, lazy=True),
    "no end": Windows(HUGE, HUGE),
    "no end, with a pause": Windows(HUGE, HUGE, pause=0.02),
}
TRANSFERS = [
    (1, 1),
    (300, 1),
    (1000, 100),
    (30_000, 30_000),
    (90_000, 30_000),
    (3_000_000, 65_536),
]
"""Bytes of a body and of its pieces."""


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """The application in a mode."""
    interface, *options = MODES[request.param]
    with serve(f"tests.http2.flow_{interface}:app", *options, app_dir=ROOT) as server:
        yield address_of(server)


def open_to(address: Address) -> Wire:
    """A connection whose bytes have to move."""
    return Wire.connect(address, deadline=PROGRESS)


def paths(way: str, size: int, piece: int, streams: int) -> tuple[list[str], list[int]]:
    """What so many streams ask for, and how long it is."""
    return [f"/{way}?size={size}&piece={piece}"] * streams, [size] * streams


@pytest.mark.parametrize("streams", [1, 20])
@pytest.mark.parametrize("name", WINDOWS)
@each_way
def test_bytes_move_while_there_is_room(
    address: Address, way: str, name: str, streams: int
) -> None:
    """Whatever the size, the window and the way; more streams than threads, too."""
    windows = WINDOWS[name]
    most = 1024 * windows.stream // streams  # of a small window each byte is a frame
    for size, piece in TRANSFERS:
        if size <= most:
            download(open_to(address), *paths(way, size, piece, streams), windows)


@pytest.mark.parametrize("receive_buffer", [None, 16_384])
@pytest.mark.parametrize("name", ["16 mebibytes, lazily", "no end"])
@each_way
def test_large_downloads(address: Address, way: str, name: str, receive_buffer: int | None) -> None:
    """Many round trips between the socket, the connection and the streams."""
    asked = paths(way, LARGE, 65_536, 4)
    for _ in range(TRIES):
        if receive_buffer:
            wire = connect_narrowly(address, receive_buffer, deadline=PROGRESS)
        else:
            wire = open_to(address)
        download(wire, *asked, WINDOWS[name])


@pytest.mark.parametrize("piece", [22_000, 30_000, 100_000])
@pytest.mark.parametrize("address", MODES, indirect=True)
def test_more_streams_than_threads(address: Address, piece: int) -> None:
    """A thread that waits in write() keeps nothing back that others, or itself, wait for."""
    for _ in range(TRIES):
        download(open_to(address), *paths("written", 3 * piece, piece, 20), Windows())


@pytest.mark.parametrize("address", MODES, indirect=True)
def test_ways_side_by_side(address: Address) -> None:
    """Room that another stream was given, which no thread serves, is used all the same."""
    for way in WAYS:
        others = paths(way, 500_000, 50_000, 3)
        written = paths("written", 300_000, 30_000, 20)
        asked, sizes = others[0] + written[0], others[1] + written[1]
        download(open_to(address), asked, sizes, Windows())


@pytest.mark.parametrize("mode", ["wsgi-1", "wsgi-16"])
def test_over_tls(mode: str, tmp_path: Path) -> None:
    """The same with records between the socket and the frames."""
    files = write_certificate(tmp_path)
    _, *options = MODES[mode]
    app = "tests.http2.flow_wsgi:app"
    with serve(app, *options, *files.options, app_dir=ROOT) as server:
        tls = agreed(files.client, "h2")
        for way in WAYS:
            for windows in (Windows(DEFAULT, lazy=True), Windows(HUGE, HUGE)):
                asked = paths(way, LARGE // 4, 65_536, 2)
                wire = Wire.connect(address_of(server), deadline=PROGRESS, tls=tls)
                download(wire, *asked, windows)
