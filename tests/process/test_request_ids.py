"""Each request has one id: in the application, in the response, and in both logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import Server
from tests.process.test_proxies import ask, interface, proxied, request

__all__ = ["interface"]

MADE = re.compile("[0-9a-f]{32}")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the access lines go."""
    return tmp_path_factory.mktemp("logs") / "access"


@pytest.fixture(scope="module")
def server(interface: str, log: Path) -> Iterator[Server]:
    """A server that gives ids, and trusts this machine."""
    log.unlink(missing_ok=True)
    options = ("--request-id", "--access-log", str(log), "--access-log-format", "json")
    with proxied(interface, *options) as server:
        yield server


def shown(server: Server, *fields: str, path: str = "/") -> tuple[str, str | None]:
    """The id that the application sees, in both of its places, and that of the response."""
    with server.connect() as wire:
        response = wire.ask(request(*fields, path=path))
    told = json.loads(response.body)
    assert told["ids"] == [told["id"]]
    return told["id"], response.header("x-request-id")


def test_made_when_absent(server: Server) -> None:
    ids = [shown(server) for _ in range(3)]
    assert all(seen == sent and MADE.fullmatch(seen) for seen, sent in ids)
    assert len(set(ids)) == 3


def test_made_ids_do_not_tell_the_next(server: Server) -> None:
    """Half of an id, run backwards through SplitMix64, was the state that the next is made of."""
    ids = [shown(server)[0] for _ in range(2)]
    for start in (0, 16):
        one, other = (int(found[start : start + 16], 16) for found in ids)
        assert mixed(unmixed(one) + GOLDEN & WORD) != other


GOLDEN = 0x9E37_79B9_7F4A_7C15
FIRST, SECOND = 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB
WORD = (1 << 64) - 1


def mixed(state: int) -> int:
    """The number that SplitMix64 makes of a state."""
    state = (state ^ state >> 30) * FIRST & WORD
    state = (state ^ state >> 27) * SECOND & WORD
    return state ^ state >> 31


def unmixed(number: int) -> int:
    """The state that SplitMix64 has made a number of."""
    number = shifted_back(number, 31) * pow(SECOND, -1, 1 << 64) & WORD
    number = shifted_back(number, 27) * pow(FIRST, -1, 1 << 64) & WORD
    return shifted_back(number, 30)


def shifted_back(value: int, by: int) -> int:
    """The x of which ``value`` is x ^ x >> by."""
    return value ^ value >> by ^ value >> 2 * by


def test_taken_over(server: Server) -> None:
    trace = f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"
    assert shown(server, "X-Request-Id: abc-1") == ("abc-1", "abc-1")
    assert shown(server, trace) == (TRACE, TRACE)
    assert shown(server, trace, "X-Request-Id: abc-1") == ("abc-1", "abc-1")
    for fields in ((trace, "X-Request-Id: a b"), ("X-Request-Id: a b", trace)):
        assert shown(server, *fields) == (TRACE, TRACE)


@pytest.mark.parametrize("value", ["", "a b", '"><script>', "x" * 129, "a,b"])
def test_what_is_no_id_is_replaced(server: Server, value: str) -> None:
    seen, sent = shown(server, f"X-Request-Id: {value}")
    assert seen == sent
    assert MADE.fullmatch(seen)


def test_the_application_may_answer_with_its_own(server: Server) -> None:
    seen, sent = shown(server, "X-Request-Id: theirs", path="/own")
    assert (seen, sent) == ("theirs", "mine")


def test_in_both_logs(server: Server, log: Path) -> None:
    with server.connect() as wire:
        response = wire.ask(request("X-Request-Id: failed-1", path="/fail"))
    assert (response.status, response.header("x-request-id")) == (500, "failed-1")
    server.stderr.wait(lambda text: "GET /fail (id failed-1) failed" in text, "the id")
    server.stop()
    ids = [json.loads(line)["request_id"] for line in log.read_text().splitlines()]
    assert "failed-1" in ids
    assert None not in ids


def test_a_client_does_not_choose_it(interface: str) -> None:
    with proxied(interface, "--request-id", "--forwarded-allow-ips", "192.0.2.1") as server:
        seen, sent = shown(server, "X-Request-Id: abc", "X-Request-Id: abc")
        assert seen == sent
        assert MADE.fullmatch(seen)


def test_nobody_does_without_proxy_headers(interface: str) -> None:
    """Then nothing is believed, of those who are trusted either."""
    with proxied(interface, "--request-id", "--no-proxy-headers") as server:
        for field in ("X-Request-Id: abc", f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"):
            seen, _ = shown(server, field)
            assert MADE.fullmatch(seen)
            assert seen != TRACE


def test_none_without_the_setting(interface: str) -> None:
    with proxied(interface) as server:
        told = ask(server, "X-Request-Id: abc")
        assert (told["id"], told["ids"]) == (None, ["abc"])
        with server.connect() as wire:
            assert wire.ask(request()).header("x-request-id") is None
