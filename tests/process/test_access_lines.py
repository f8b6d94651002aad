"""Every request has its access line, whichever thread ends it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hostile.clients import get
from tests.kit import serve, wait_until
from tests.kit.process import ROOT

FORMAT = "%(m)s %(U)s %(s)s %({SERVER_NAME}e)s"
CLIENTS, REQUESTS = 6, 100


def test_no_line_is_lost_between_threads(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = ("--threads", "8", "--access-log", str(log), "--access-log-format", FORMAT)
    with serve("tests.hostile.census_wsgi:app", *options, app_dir=ROOT) as server:

        def ask_often(_: int) -> None:
            with server.connect() as wire:
                for _ in range(REQUESTS):
                    assert wire.ask(get("/hello")).status == 200

        with ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(ask_often, range(CLIENTS)))

    assert log.read_text().splitlines() == ["GET /hello 200 127.0.0.1"] * (CLIENTS * REQUESTS)


@pytest.mark.parametrize("app", ["app_asgi", "app_wsgi"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_servers_own_answers_have_a_size(tmp_path: Path, app: str, method: str) -> None:
    log = tmp_path / "access.log"
    options = ("--access-log", str(log), "--access-log-format", "%(s)s %(b)s %(B)s")
    with serve(f"tests.process.{app}:app", *options, app_dir=ROOT) as server:
        with server.connect() as wire:
            answer = wire.ask(f"{method} /fail HTTP/1.1\r\nHost: test\r\n\r\n".encode(), method)
            assert answer.status == 500
        size = len(answer.body)
        assert bool(size) == (method == "GET")
        wait_until(lambda: log.read_text() == f"500 {size or '-'} {size}\n", "the line")
