"""WSGI on threads: blocked calls and slow readers hold up nobody, every iterable is closed."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.hostile import census_wsgi
from tests.hostile.clients import ENDINGS, ask, connected, cut_short, get
from tests.hostile.tally import PIECE
from tests.kit import Server, Wire, serve, wait_until
from tests.kit.process import ROOT


@pytest.mark.parametrize("blocked", [1, 7])
def test_blocked_calls(wsgi_threads: Server, blocked: int) -> None:
    """With eight threads, seven calls that never return leave the eighth for all others."""
    with ExitStack() as stack:
        held = stack.enter_context(connected(wsgi_threads.address, blocked))
        others = stack.enter_context(connected(wsgi_threads.address, 10))
        for wire in held:
            wire.send(get("/block"))
        for _ in range(10):
            for wire in others:
                assert wire.ask(get("/hello")).body == b"/hello"
        assert ask(wsgi_threads, "/release").body == b"released"
        for wire in held:
            assert wire.response().body == b"released"


def test_a_slow_reader_of_a_generator(wsgi: Server) -> None:
    """Whoever does not read a streamed answer holds up only itself, even with one thread."""
    with wsgi.connect() as slow, wsgi.connect() as other:
        slow.send(get("/stream"))
        slow.incoming.exactly(1000)
        for _ in range(50):
            assert other.ask(get("/hello")).body == b"/hello"


def test_a_slow_reader_of_write(wsgi_threads: Server) -> None:
    """write() blocks its own thread only, and everything arrives once the client reads."""
    with wsgi_threads.connect() as slow, wsgi_threads.connect() as other:
        slow.send(get("/writes"))
        slow.incoming.fill()
        for _ in range(50):
            assert other.ask(get("/hello")).body == b"/hello"
        assert slow.response().body == PIECE * 64 + b"end"


def test_a_mix_of_slow_and_quick_calls() -> None:
    """32 threads, one call in 50 blocks for 20 ms: each client gets its own answers."""
    options = ("--threads", "32", "--access-log", "off")
    wrong: list[bytes] = []
    with (
        serve("tests.hostile.census_wsgi:app", *options, app_dir=ROOT) as server,
        connected(server.address, 16) as wires,
    ):
        threads = [threading.Thread(target=calls, args=(*one, wrong)) for one in enumerate(wires)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def calls(client: int, wire: Wire, wrong: list[bytes]) -> None:
    """200 calls, each with a path of its own that must come back; what else comes is kept."""
    for at in range(200):
        path = f"/{'slow' if at % 50 == client else 'quick'}-{client}-{at}"
        body = wire.ask(get(path)).body
        if body != path.encode():
            wrong.append(body)


def closed(server: Server, opened: int) -> bool:
    """Whether so many iterables were handed over, and each was closed once."""
    counts = json.loads(ask(server, "/census").body)
    assert counts["closed"] <= counts["opened"] <= opened
    return bool(counts["closed"] == opened)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_iterable_is_closed(wsgi: Server, ending: str) -> None:
    """Read to the end, left in the middle, asked for with HEAD: close() is called once."""
    assert ask(wsgi, "/large").body == PIECE * 128
    assert ask(wsgi, "/stream").body == PIECE * 256
    assert ask(wsgi, "/writes").body == PIECE * 64 + b"end"
    head = ask(wsgi, "/stream", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    cut_short(wsgi.address, "mid-stream", ending, 10)
    cut_short(wsgi.address, "mid-large", ending, 10)

    wait_until(lambda: closed(wsgi, 24), "24 iterables are closed")


def test_iterables_that_fail(wsgi: Server) -> None:
    """Before the first piece it is a 500; after it the client sees that the answer is cut."""
    assert ask(wsgi, "/fails/0").status == 500
    with wsgi.connect() as wire:
        wire.send(get("/fails/3"))
        assert wire.rest().endswith(b"5\r\npiece\r\n" * 3)

    wait_until(lambda: closed(wsgi, 2), "both are closed")
    error = "ValueError: as the test wants it"
    wsgi.stderr.wait(lambda text: text.count(error) == 2, "both errors in the log")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_file_wrapper(wsgi: Server, method: str) -> None:
    """The file as it is, and nothing of it for HEAD; its descriptor does not stay open."""
    answer = ask(wsgi, "/file", method=method)

    content = Path(census_wsgi.__file__).read_bytes()
    assert answer.body == (content if method == "GET" else b"")
    wait_until(lambda: not has_open(wsgi, Path(census_wsgi.__file__)), "the file is closed")


def has_open(server: Server, path: Path) -> bool:
    """Whether a descriptor of the process is of this file; one that closes meanwhile is not."""
    for link in Path(f"/proc/{server.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if link.samefile(path):
                return True
    return False
