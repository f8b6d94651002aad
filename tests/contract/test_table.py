"""Run every row of the table: whole, byte by byte, and cut at random, on each interface."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterable
from typing import Any

import pytest

from tests.contract.case import KEPT, Case, Seen, get
from tests.contract.conftest import Echo
from tests.contract.table import TABLE, TOPICS
from tests.kit import Response, Wire, wait_until
from tests.kit.wire import at_random, byte_by_byte

SEED = int(os.environ.get("TRICORN_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
ROUNDS = 3
run_ids = itertools.count()


def test_the_table_is_large_and_every_row_says_its_source() -> None:
    """At least 150 rows, each with a name of its own and a section or CVE."""
    names = [(topic, case.name) for topic, cases in TOPICS.items() for case in cases]
    assert len(TABLE) >= 150
    assert len(set(names)) == len(names)
    assert all(case.source.startswith(("RFC ", "CVE-")) for case in TABLE)


def test_whole(echo: Echo, case: Case) -> None:
    """All bytes at once, over TCP."""
    with Wire.connect(echo.tcp) as wire:
        run(echo, case, wire, lambda sent: [sent])


def test_byte_by_byte(echo: Echo, case: Case) -> None:
    """Each byte alone, the next one once the server has taken it."""
    with Wire.connect(echo.unix) as wire:
        run(echo, case, wire, byte_by_byte)


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_at_random(echo: Echo, case: Case, turn: int) -> None:
    """Cut at random places; TRICORN_TEST_SEED repeats a run."""
    seed = SEED + turn
    print(f"TRICORN_TEST_SEED={seed}")
    with Wire.connect(echo.unix) as wire:
        run(echo, case, wire, lambda sent: at_random(sent, seed))


def run(echo: Echo, case: Case, wire: Wire, cut: Any) -> None:
    """Send the row's bytes in the pieces that ``cut`` makes of them and check all it says."""
    token = f"r{os.getpid()}-{next(run_ids)}"
    wire.send_pieces(cut(case.sent.replace(b"RUN", token.encode())))
    if case.half_close:
        wire.half_close()
    responses = read_answers(case, wire)
    check_answers(case, responses)
    check_connection(case, wire, responses)
    if case.broken:
        check_never_whole(echo, token)


def read_answers(case: Case, wire: Wire) -> list[Response]:
    """The responses due, fewer when a row lets the server stay silent and it does."""
    responses: list[Response] = []
    methods = itertools.chain(case.methods, itertools.repeat("GET"))
    for method in itertools.islice(methods, len(case.answers)):
        if case.may_be_silent and wire.ended():
            break
        responses.append(wire.response(method))
    return responses


def check_answers(case: Case, responses: list[Response]) -> None:
    """The statuses, the interim responses and what the application saw."""
    got = [response.status for response in responses]
    for status, due in zip(got, case.answers, strict=not case.may_be_silent):
        allowed = (due,) if isinstance(due, int) else due
        assert status in allowed, f"{got} for {case.answers}: {responses[-1].body[:300]!r}"
    assert case.version != "1.0" or all(each.framing != "chunked" for each in responses)
    allowed_interim: Iterable[tuple[int, ...]] = ((), (100,)) if case.may_continue else ((),)
    assert all(response.interim in allowed_interim for response in responses)
    echoes = [json.loads(each.body) for each in responses if each.status == 200 and each.body]
    if case.seen:
        for echoed, seen in zip(echoes, case.seen, strict=True):
            check_seen(echoed, seen)


def check_seen(echoed: dict[str, Any], seen: Seen) -> None:
    """What the application reported against what it had to see."""
    fields = joined(echoed["fields"])
    assert (echoed["method"], echoed["path"], echoed["query"]) == (
        seen.method,
        seen.path,
        seen.query,
    )
    assert echoed["body"].encode("latin-1") == seen.body
    assert {name: fields.get(name) for name in seen.fields} == dict(seen.fields)
    assert not [name for name in seen.absent if name in fields]


def joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Repeated fields as one value, Cookie by its own separator (RFC 9110 5.3, RFC 6265 5.4)."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        between = "; " if name == "cookie" else ","
        fields[name] = f"{fields[name]}{between}{value}" if name in fields else value
    return fields


def check_connection(case: Case, wire: Wire, responses: list[Response]) -> None:
    """A kept connection serves one more request; a closed one has ended without another byte."""
    last = responses[-1] if responses else None
    if case.after is KEPT:
        assert last is None or not last.says("close")
        assert last is None or case.version != "1.0" or last.says("keep-alive")
        assert wire.ask(get(target=b"/probe")).status == 200
        return
    assert wire.rest() == b""
    if last is not None and case.announced:
        assert last.says("close"), f"the server closed without saying so: {last.fields!r}"


def check_never_whole(echo: Echo, token: str) -> None:
    """The application was not called, or learned that the body is broken."""

    def outcome() -> str | None:
        with echo.connect(echo.tcp) as wire:
            request = get(b"Connection: close", target=f"/outcome?run={token}".encode())
            seen: str = json.loads(wire.ask(request).body)["outcome"]
        return None if seen == "reading" else seen

    assert wait_until(outcome, "the application learns how the body ended") in (
        "broken",
        "never called",
    )
