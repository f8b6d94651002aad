"""Every client through the table, on ASGI and WSGI; ``make clients`` runs all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.clients import CLIENTS, FULL, Over
from tests.clients.table import ROWS, Asked
from tests.clients.world import World, world
from tests.kit import wait_until

CASES = [
    pytest.param(name, over, interface, row, id=f"{name}-{over}-{interface}-{row}")
    for name, client in CLIENTS.items()
    if FULL or client.always
    for over in client.speaks
    for interface in ("asgi", "wsgi")
    for row, wanted in ROWS.items()
    if client.can(wanted.do, over)
]
"""In an order in which each client and its connections are there for all rows."""
DEADLINE = 240.0 if FULL else 40.0
"""Seconds for a row: 30 uploads, or 200 MiB."""


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The servers and clients of all tests."""
    with world(tmp_path_factory.mktemp("clients")) as made:
        yield made


@pytest.mark.timeout(DEADLINE + 20)
@pytest.mark.parametrize(("name", "over", "interface", "row"), CASES)
def test_row(everything: World, name: str, over: Over, interface: str, row: str) -> None:
    """The client sees what it must see, and the server has nothing left of it."""
    client, wanted = CLIENTS[name], ROWS[row]
    if why := client.missing():
        pytest.skip(why)
    served = everything.served(interface, over.tls, limited=wanted.limited)
    said = len(served.server.stderr.text())
    program = everything.program(client, over, interface)
    try:
        facts = program.ask({"do": wanted.do, **wanted.given(served.url)}, DEADLINE)
        assert "error" not in facts, facts["error"]
        wanted.check(facts, Asked(served, over, interface))
    except BaseException as error:
        everything.forget()
        error.add_note(f"stderr of the server:\n{served.server.stderr.text()[said:][-4000:]}")
        raise
    wait_until(lambda: served.running() == 0, "the downloads of the application end")
    assert "Traceback" not in served.server.stderr.text()[said:]
