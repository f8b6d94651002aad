"""An answer before the end of an upload: a client that sends all of it first gets it as well."""

from __future__ import annotations

import signal

import pytest

from tests.http2.conftest import address_of
from tests.kit import serve
from tests.kit.http2 import RST_STREAM, Answer, Client, connect, frame
from tests.kit.process import ROOT
from tests.process.conftest import BODY
from tests.process.test_early_answers import APPS, PIECE

SIZE = 4 * 1024 * 1024
"""Bytes of an upload: more than the windows of stream and connection."""
NO_ERROR = 0


@pytest.mark.parametrize("options", [(), ("--body-size", "1k")], ids=["application", "server"])
@pytest.mark.parametrize("interface", APPS)
def test_the_answer_is_no_reset(interface: str, options: tuple[str, ...]) -> None:
    """Whoever refuses it: clients take a reset for an error, although it says there is none."""
    with (
        serve(APPS[interface], *options, app_dir=ROOT) as server,
        connect(address_of(server)) as client,
    ):
        for _ in range(3):
            answer = client.finish(client.post(bytes(SIZE), "/early"))
            assert (answer.status, answer.ended, answer.reset) == (413, True, None)


def begin(client: Client) -> tuple[int, Answer]:
    """An upload that has its answer; a WSGI application is called when there is something of it."""
    stream = client.ask("/early", "POST", end=False)
    client.give(stream, bytes(BODY))
    return stream, client.finish(stream)


@pytest.mark.parametrize("interface", APPS)
def test_one_that_sends_no_more_is_reset(interface: str) -> None:
    """After --linger-timeout; without an error: the answer is good (RFC 9113 section 8.1)."""
    served = serve(APPS[interface], "--linger-timeout", "20ms", app_dir=ROOT)
    with served as server, connect(address_of(server)) as client:
        _, answer = begin(client)
        client.until(lambda: answer.reset is not None, "a reset")
        assert (answer.status, answer.reset) == (413, NO_ERROR)
        assert client.get("/early").status == 413


def test_a_stop_waits_for_one_only_once() -> None:
    """Of a client that says nothing any more, the time is not given to the connection again."""
    linger = 6.0
    served = serve(APPS["asgi"], "--linger-timeout", f"{linger}s", app_dir=ROOT)
    with served as server, connect(address_of(server)) as client:
        stream, _ = begin(client)
        server.send_signal(signal.SIGTERM)
        sock, came = client.wire.sock, b""
        reset = frame(RST_STREAM, bytes(4), stream=stream)
        while reset not in came:
            came += sock.recv(4096)
        sock.settimeout(linger - 2)
        while sock.recv(4096):
            pass
        assert server.wait_exit() == 0


def test_one_that_sends_for_ever_is_reset() -> None:
    """After 15 times --linger-timeout."""
    served = serve(APPS["asgi"], "--linger-timeout", "20ms", app_dir=ROOT)
    with served as server, connect(address_of(server)) as client:
        stream, answer = begin(client)
        while answer.reset is None:
            client.give(stream, PIECE)
        assert (answer.status, answer.reset) == (413, NO_ERROR)
