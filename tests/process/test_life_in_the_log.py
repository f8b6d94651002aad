"""The error log tells the server's life: start, workers, generations, stop."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.kit import serve, wait_until
from tests.process.conftest import Start, begin_slow, refuses
from tests.process.test_workers import ask
from tests.process.versions import Site

ENV = {"PYTHONDONTWRITEBYTECODE": "1"}
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \[\d+\] [A-Z]+ (.*)")


def told(path: Path) -> list[str]:
    """The messages of a log; each of its lines has a time, a process id and a level."""
    lines = path.read_text().splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    assert None not in matches, lines
    return [match[1] for match in matches if match]


def test_one_process(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "errors"
    with start("--error-log", str(log)) as server:
        begun = told(log)[0]
        assert re.match(r"serving tests\.process\.app_\w+:app \((ASGI 3|WSGI)\) on ", begun)
        assert f"on {server.url} (" in begun
        assert re.search(r"Python 3\.\S+, started in \d+\.\d\d s, Tricorn \d+\.\S+\)$", begun)
        assert "tricorn: serving" in server.stderr.text()
        assert server.stop() == 0
    assert told(log)[1:] == ["stopping (SIGTERM): no request is in flight", "stopped"]


def test_a_request_in_flight(start: Start, tmp_path: Path) -> None:
    with start() as server, begin_slow(server) as wire:
        server.send_signal(signal.SIGINT)
        hint = "stopping (SIGINT): 1 request is in flight, 30 s at most; press Ctrl-C again to quit"
        server.stderr.wait(lambda text: hint in text, "what is waited for")
        assert wire.ask(b"2").body == b"slow"
        assert server.wait_exit() == 0
        assert server.stderr.text().endswith(" INFO stopped\n")


@pytest.mark.parametrize("options", [(), ("--workers", "1")])
def test_a_delayed_stop(start: Start, tmp_path: Path, options: tuple[str, ...]) -> None:
    log = tmp_path / "errors"
    with start("--error-log", str(log), "--drain-delay", "300ms", *options) as server:
        assert server.stop() == 0
    delayed = "stopping (SIGTERM) in 0.3 s (--drain-delay): requests are served on"
    said = [text for text in told(log) if text.startswith("stop")]
    assert said == [delayed, "stopping (SIGTERM): no request is in flight", "stopped"]


def test_on_a_terminal_the_start_is_told_once(start: Start) -> None:
    with start() as server:
        assert server.stderr.text().count(server.url) == 1


@pytest.mark.parametrize("level", ["warning", "error"])
def test_who_wants_less_still_learns_the_address(start: Start, level: str) -> None:
    with start("--log-level", level) as server:
        assert server.stderr.text().startswith("tricorn: serving ")
        assert server.stop() == 0
        assert "stop" not in server.stderr.text()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An application, version one."""
    site = Site(tmp_path, "asgi")
    site.write("one")
    return site


def test_workers(site: Site) -> None:
    log = site.directory / "errors"
    options = ("--workers", "2", "--error-log", str(log))
    with serve("site_app:app", *options, app_dir=site.directory, env=ENV) as server:
        begun = told(log)
        assert re.match(r"serving site_app:app \(ASGI 3\) on http://.* \(2 workers, ", begun[-1])
        starts = {found[1] for text in begun if (found := re.match(r"worker (\d+) starts", text))}
        pattern = r"worker (\d+) is ready after \d+\.\d\d s"
        ready = {found[1] for text in begun if (found := re.fullmatch(pattern, text))}
        assert len(starts) == 2
        assert starts == ready

        site.write("two")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: "generation 2 serves, workers: 2" in told(log), "generation 2 serves")
        left = [f"worker {pid} leaves: generation 2 takes over" for pid in starts]
        ended = [f"worker {pid} has ended" for pid in starts]
        wait_until(lambda: {*left, *ended} <= {*told(log)}, "the old workers are told of")
        assert server.stop() == 0
    end = told(log)
    assert "stopping (SIGTERM): no request is in flight" in end
    assert end[-1] == "stopped"


def test_a_worker_that_is_recycled(site: Site) -> None:
    log = site.directory / "errors"
    options = ("--workers", "1", "--max-requests", "3", "--error-log", str(log))
    with serve("site_app:app", *options, app_dir=site.directory, env=ENV) as server:
        for _ in range(3):
            ask(server, "/version")
        why = re.compile(r"worker \d+ is recycled: it has served \d requests \(--max-requests\)")
        wait_until(lambda: any(map(why.fullmatch, told(log))), "why it is recycled")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGTERM, "stopping (SIGTERM): 1 request is in flight, 30 s at most"),
        (signal.SIGINT, "stopping (SIGINT): 1 request is in flight, cancelled now"),
        (signal.SIGQUIT, "stopping (SIGQUIT): 1 request is in flight, cancelled now"),
    ],
)
def test_workers_with_a_request_in_flight(start: Start, number: signal.Signals, said: str) -> None:
    with start("--workers", "2") as server, begin_slow(server) as wire:
        server.send_signal(number)
        server.stderr.wait(lambda text: f" INFO {said}" in text, "what is waited for")
        if number == signal.SIGTERM:
            wait_until(lambda: refuses(server), "new connections are refused")
            assert wire.ask(b"2").body == b"slow"
        assert server.wait_exit() == 0
