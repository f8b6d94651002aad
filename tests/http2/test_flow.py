"""Who is fast waits for who is slow: windows, resets, priorities."""

from __future__ import annotations

import json
from contextlib import ExitStack

from tests.kit.http2 import PRIORITY_UPDATE, Client, connect, frame
from tests.kit.waiting import wait_until
from tests.kit.wire import Address


def seen(address: Address) -> dict[str, int]:
    """What the application has counted."""
    with connect(address) as client:
        counts: dict[str, int] = json.loads(client.get("/seen").body)
        return counts


def test_a_window_stops_the_application(each: Address) -> None:
    """An endless body is made no faster than it is read; a reset ends it."""
    before = seen(each)
    with connect(each, reads=False, window=0) as client:
        stream = client.ask("/endless")
        client.until(lambda: len(client.answers[stream].body) == 65535, "a window")
        made = seen(each)["pieces"] - before["pieces"]
        assert made * 16384 < 1_000_000
        client.h2.reset_stream(stream)
        client.flush()
        ends = "errors" if "errors" in before else "closed"
        wait_until(lambda: seen(each)[ends] > before[ends], "the end of the endless")
        client.h2.increment_flow_control_window(65535)
        client.flush()
        assert client.get("/large?5").body == b"yyyyy"


def test_an_application_that_does_not_read_stops_its_client(asgi: Address) -> None:
    """No more than its window comes in; other streams have their own."""
    with connect(asgi) as client:
        stream = client.ask("/unread", "POST", end=False)
        window = client.h2.local_flow_control_window(stream)
        client.until(lambda: client.h2.local_flow_control_window(stream) > 65535, "the window")
        window = client.h2.local_flow_control_window(stream)
        assert window == 256 * 1024
        sent = 0
        while (left := client.h2.local_flow_control_window(stream)) > 0:
            size = min(left, client.h2.max_outbound_frame_size)
            client.h2.send_data(stream, b"a" * size)
            client.flush()
            sent += size
        assert json.loads(client.finish(client.post(b"abc", "/count")).body)["size"] == 3
        # One message was read, and its bytes given back.
        assert sent <= 2 * window


def test_a_reset_is_a_disconnect(asgi: Address) -> None:
    """An application that waits for its client hears that it has gone."""
    before = seen(asgi)["disconnects"]
    with connect(asgi) as client:
        stream = client.ask("/wait")
        client.get("/seen")
        client.h2.reset_stream(stream)
        client.flush()
        wait_until(lambda: seen(asgi)["disconnects"] == before + 1, "the disconnect")


def test_the_end_of_a_connection_is_that_of_its_streams(asgi: Address) -> None:
    """All applications hear of it."""
    before = seen(asgi)["disconnects"]
    with connect(asgi) as client:
        for _ in range(5):
            client.ask("/wait")
        client.get("/seen")
    wait_until(lambda: seen(asgi)["disconnects"] == before + 5, "the disconnects")


SIZE = 2_000_000


def finished_in_order(client: Client, streams: list[int]) -> list[int]:
    """The streams in the order of their ends."""
    order: list[int] = []
    while len(order) < len(streams):
        for stream in streams:
            if client.answers[stream].ended and stream not in order:
                order.append(stream)
        if len(order) < len(streams):
            assert client.read()
    return order


def test_the_urgent_comes_first(each: Address) -> None:
    """Of large responses that wait for a slow client, the most urgent is sent first (RFC 9218)."""
    with connect(each, window=1 << 26, receive_buffer=16384) as client:
        lazy = client.ask(f"/large?{SIZE}", headers=[("priority", "u=7")], now=False)
        usual = client.ask(f"/large?{SIZE}", now=False)
        urgent = client.ask(f"/large?{SIZE}", headers=[("priority", "u=0")])
        assert finished_in_order(client, [lazy, usual, urgent]) == [urgent, usual, lazy]


def test_a_client_may_change_its_mind(asgi: Address) -> None:
    """PRIORITY_UPDATE (RFC 9218 section 7.1)."""
    with connect(asgi, window=1 << 26, receive_buffer=16384) as client:
        first = client.ask(f"/large?{SIZE}", now=False)
        second = client.ask(f"/large?{SIZE}")
        client.wire.send(frame(PRIORITY_UPDATE, second.to_bytes(4) + b"u=1"))
        assert finished_in_order(client, [first, second]) == [second, first]


def test_incremental_responses_share(asgi: Address) -> None:
    """Side by side, if they say that they can be used in part."""
    with connect(asgi, window=1 << 26, receive_buffer=16384) as client:
        incremental = [("priority", "i")]
        one = client.ask(f"/large?{SIZE}", headers=incremental, now=False)
        streams = [one, client.ask(f"/large?{SIZE}", headers=incremental)]
        for stream in streams:
            client.finish(stream)
        middle = client.order[len(client.order) // 4 : len(client.order) // 2]
        shares = [middle.count(stream) / len(middle) for stream in streams]
        assert min(shares) > 0.25, shares


def test_more_than_a_turn_takes_at_once(each: Address) -> None:
    """What is left of one write goes on by itself, and so does each connection beside others."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(each)) for _ in range(3)]
        for client in clients:
            client.until_answered()
        for _ in range(5):
            asked = [[client.ask("/large?5", now=False) for _ in range(128)] for client in clients]
            for client in clients:
                client.flush()
            for client, streams in zip(clients, asked, strict=True):
                assert all(client.finish(stream).body == b"yyyyy" for stream in streams)
