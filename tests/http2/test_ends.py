"""How connections end: on a stop, on a reload, and when their time is up."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import hpack
import pytest

from tests.contract.conftest import serve_echo
from tests.http2.conftest import address_of, serve_streams
from tests.kit.certificates import write_certificate
from tests.kit.http2 import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    agreed,
    connect,
    frame,
)
from tests.kit.wire import Address, Wire


@pytest.mark.parametrize("mode", ["asgi", "wsgi", "wsgi inline"])
def test_a_stop_finishes_what_runs(mode: str) -> None:
    """GOAWAY, the answers to what was asked, and the end; idle connections end at once."""
    with serve_streams(mode) as server:
        address = address_of(server)
        with connect(address) as idle, connect(address) as busy:
            idle.get("/large?1")
            busy.get("/large?1")
            streams = [busy.ask("/slow") for _ in range(3)]
            busy.until_answered()
            server.send_signal(signal.SIGTERM)
            assert [busy.finish(stream).body for stream in streams] == [b"done"] * len(streams)
            busy.end()
            idle.end()
            assert (busy.goaway, idle.goaway) == (0, 0)
            assert busy.goaways[-1] >= streams[-1]
        assert server.wait_exit() == 0


@pytest.mark.parametrize("mode", ["asgi", "wsgi"])
def test_a_reload_moves_clients_on(mode: str) -> None:
    """A client is told to go elsewhere, and loses nothing of what it has asked."""
    with serve_streams(mode, "--workers", "1") as server:
        address = address_of(server)
        with connect(address) as client:
            client.get("/large?1")
            stream = client.ask("/slow")
            client.until_answered()
            server.send_signal(signal.SIGHUP)
            assert client.finish(stream).body == b"done"
            client.end()
            assert client.goaway == 0
        with connect(address) as client:
            assert client.get("/large?3").body == b"yyy"


@pytest.mark.parametrize(
    ("mode", "options"),
    [("asgi", ()), ("wsgi", ("--threads", "32"))],  # one that reads while the calls run
    ids=["asgi", "wsgi"],
)
def test_an_error_ends_a_connection_with_requests(mode: str, options: tuple[str, ...]) -> None:
    """The end comes at once with the reason, whatever is being done about its streams."""
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/slow")]
    encoder = hpack.Encoder()
    heads = [
        frame(HEADERS, encoder.encode(fields), flags=END_HEADERS | END_STREAM, stream=stream)
        for stream in (1, 3, 5, 7)
    ]
    opening = PREFACE + frame(SETTINGS) + b"".join(heads) + frame(PING, b"everyone")
    wrong = frame(DATA, b"behind the end", stream=1)
    with serve_streams(mode, *options, "--linger-timeout", "60") as server:
        for _ in range(5):
            with Wire.connect(address_of(server)) as wire:
                wire.send(opening)
                came = b""
                while b"everyone" not in came:
                    came += wire.sock.recv(4096)
                wire.send(wrong)
                assert b"\x00\x00\x08\x07\x00" in wire.rest()  # the head of a GOAWAY


def test_an_idle_connection_ends_with_a_word() -> None:
    """--keep-alive counts from the end of the last stream."""
    served = serve_streams("asgi", "--keep-alive", "200ms")
    with served as server, connect(address_of(server)) as client:
        assert client.get("/slow").body == b"done"  # takes longer
        client.end()
        assert client.goaway == 0


@pytest.mark.parametrize(
    "begun",
    [PREFACE[:20], PREFACE + frame(4) + frame(1, b"\x82", stream=1)],
    ids=["preface", "head"],
)
def test_a_head_has_its_time(begun: bytes) -> None:
    """--head-timeout runs for a preface that never ends, and for a head."""
    served = serve_streams("asgi", "--head-timeout", "300ms")
    with served as server, Wire.connect(address_of(server)) as wire:
        wire.send(begun)
        wire.rest()


def test_a_client_that_does_not_read_is_cut() -> None:
    """--write-timeout, for the window of a stream and for the connection."""
    served = serve_streams("asgi", "--write-timeout", "300ms")
    with served as server, connect(address_of(server), reads=False, window=0) as client:
        answer = client.finish(client.ask("/endless"))
        assert answer.reset is not None
        client.h2.increment_flow_control_window(65535)
        client.flush()
        assert client.get("/large?5").body == b"yyyyy"


@pytest.mark.parametrize("path", ["/large?100000", "/written?1638400"])
@pytest.mark.parametrize("mode", ["asgi", "wsgi", "wsgi inline"])
def test_a_connection_without_room_is_left(mode: str, path: str) -> None:
    """Who has used its window up, and never says that it has read, is told to connect anew."""
    first = "/endless" if mode == "asgi" else path
    options = ("--write-timeout", "300ms", "--linger-timeout", "300ms", "--keep-alive", "60s")
    served = serve_streams(mode, *options)
    with served as server, connect(address_of(server), reads=False, window=0) as client:
        assert client.finish(client.ask(first)).reset is not None
        assert client.goaway is None
        assert client.finish(client.ask("/large?5")).reset is not None
        client.end()
        assert client.goaway == 0


def test_a_client_that_only_talks_is_cut() -> None:
    """--write-timeout for write(): what else its client says gives the only thread no more time."""
    served = serve_streams("wsgi inline", "--write-timeout", "500ms")
    with served as server, connect(address_of(server), reads=False, window=0) as client:
        answer = client.answers[client.ask("/written?1638400")]
        while not answer.over:
            client.until_answered()
            time.sleep(0.02)  # what this client does, not what it waits for
        assert answer.reset is not None
        client.h2.increment_flow_control_window(65535)
        client.flush()
        assert client.get("/large?5").body == b"yyyyy"


def test_a_client_that_leaves_frees_its_thread(wsgi: Address) -> None:
    """A write() that waits for it ends, whoever runs the reactor."""
    for _ in range(8):
        with connect(wsgi, reads=False, window=0) as client:
            stream = client.ask("/written?1638400")
            client.until(lambda: len(client.answers[stream].body) == 65535, "a window")  # noqa: B023
    with connect(wsgi) as client:
        assert client.get("/large?5").body == b"yyyyy"


def test_agreement(tmp_path_factory: pytest.TempPathFactory) -> None:
    """ALPN decides over TLS, and the setting what is offered."""
    files = write_certificate(tmp_path_factory.mktemp("certificate"))
    for setting, chosen in [("on", "h2"), ("off", "http/1.1")]:
        tls = agreed(files.client, "h2", "http/1.1")
        with serve_echo("asgi", "--http2", setting, *files.options, tls=tls) as echo:
            with echo.connect(echo.tcp) as wire:
                assert wire.sock.selected_alpn_protocol() == chosen  # type: ignore[attr-defined]
            if setting == "on":
                with connect(echo.tcp, tls=tls) as client:
                    assert client.get("/").status == 200


@pytest.mark.parametrize("trusted", [True, False])
def test_only_for_proxies(trusted: bool) -> None:
    """--http2-cleartext trusted: who is no proxy of ours speaks HTTP/1.1."""
    allowed = "127.0.0.1" if trusted else "192.0.2.1"
    options = ("--http2-cleartext", "trusted", "--forwarded-allow-ips", allowed)
    with serve_streams("asgi", *options) as server:
        if trusted:
            with connect(address_of(server)) as client:
                assert client.get("/large?3").body == b"yyy"
        else:
            with Wire.connect(address_of(server)) as wire:
                assert wire.ask(PREFACE).status == 505


def test_switched_off() -> None:
    """A greeting is a request of an unknown version then."""
    served = serve_streams("asgi", "--http2", "off")
    with served as server, Wire.connect(address_of(server)) as wire:
        assert wire.ask(PREFACE).status == 505


@pytest.mark.parametrize("first", [PREFACE, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_nothing_is_left_for_strangers(first: bytes) -> None:
    """--http2 only, and that in the clear for proxies alone: all others are told so."""
    options = ("--http2", "only", "--http2-cleartext", "trusted")
    served = serve_streams("asgi", *options, "--forwarded-allow-ips", "192.0.2.1")
    with served as server, Wire.connect(address_of(server)) as wire:
        answer = wire.ask(first)
        assert (answer.status, b"Only HTTP/2 is spoken here" in answer.body) == (505, True)
        assert wire.rest() == b""


def test_only_streams_leaves_the_servers_own(tmp_path: Path) -> None:
    """--http2 only: a worker warms up, and plain HTTP is sent to HTTPS, in HTTP/1.1 as ever."""
    files = write_certificate(tmp_path)
    options = ("--http2", "only", "--warmup-path", "/seen", "--redirect-http", "0")
    with serve_streams("asgi", *options, *files.options) as server:
        server.wait_ready(2)
        with Wire.connect(server.addresses[1]) as wire:
            assert wire.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 301
        with connect(server.addresses[0], tls=agreed(files.client, "h2")) as client:
            assert client.get("/large?2").body == b"yy"
