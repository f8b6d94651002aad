"""The process figures' command: workers, reloads and the supervisor against their targets."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import machine
from client import AnswerError, connect
from fleet import ChangeError, Fleet, ask, pss, started, wait_for, wakeups
from load import LoadError
from process import StartError, busy

RESULTS = Path(__file__).parent / "results"
MEBIBYTE = 1024 * 1024
INTERFACES = {"ASGI": "process_apps:asgi", "WSGI": "process_apps:wsgi"}
SECONDS = 2  # of one run of wrk
DISTURBANCE = 0.1  # share of a processor that other processes may take from two workers
ATTEMPTS = 3
PAUSE = 20  # milliseconds: 64 clients that think so long ask some 3,000 times a second
IDLE_SECONDS = 8
NEW_CLIENTS = 100

Figures = dict[str, list[float]]  # the name of a row -> one value for each round
Measured = Iterator[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure and its target: at least, or at most, `limit`."""

    title: str
    limit: float
    unit: str = ""
    at_least: bool = False

    def met(self, values: list[float]) -> bool:
        """By the median of the rounds."""
        return median(values) >= self.limit if self.at_least else median(values) <= self.limit


def rows() -> dict[str, Row]:
    """All figures, in the order of the report."""
    found: dict[str, Row] = {}
    for name in INTERFACES:
        found |= {
            f"rps {name}": Row(f"{name}: requests/s, 2 workers / 1 worker", 1.8, at_least=True),
            f"cpu {name}": Row(f"{name}: CPU per request, 2 workers / 1 worker", 1.11),
            f"others {name}": Row(f"{name}: condition: processors that others used", DISTURBANCE),
            f"reload {name}": Row(f"{name}: reload of 2 workers", 1.0, "s"),
            f"p99 {name}": Row(f"{name}: p99 during reloads / p99 without", 3.0),
            f"kill {name}": Row(f"{name}: kill -9 to the next worker's answer", 0.2, "s"),
            f"even {name}": Row(f"{name}: busiest / least busy of 8 workers", 1.3),
            f"blocked {name}": Row(f"{name}: longest wait while a worker is blocked", 0.2, "s"),
        }
    return found | {
        "preload": Row("4 Django workers: memory with --preload / without", 0.6),
        "memory": Row("Supervisor: memory beyond a bare Python", 12.0, "MiB"),
        "wakeups": Row("Supervisor: wakeups per second when idle", 2.0),
    }


METHOD = """\
Server and load share two processors. A figure is the median of the rounds, in brackets the lowest
and the highest; ratios are of two runs in the same round.

- *2 workers / 1 worker*: wrk with 64 connections; each request takes about 1 ms of Python, so that
  wrk takes only a few percent of a processor. Beside it the server's CPU time per request: what a
  second worker adds to it is lost to all of them, however busy the machine is. A run that other
  processes disturb is repeated; what they took of a processor in the quietest one is in a row.
- *Reload*: from SIGHUP until both workers are new and no old one is left, without load. *p99*: 64
  clients that pause 20 ms on average between two requests, during one reload after the other, and
  without. A request that fails makes the figure fail.
- *kill -9*: of the only worker, by the clock of a client that connects at once and gets its answer
  from the next one. The application's own import takes no time here.
- *8 workers*: the requests that each worker has had, with 64 keep-alive connections that pause.
  *Blocked*: one of 8 workers is in a call of 2 s (WSGI: its only thread); the longest that 100 new
  clients in a row wait for their answer.
- *Memory* is PSS, of the whole process tree for Django, after the same requests. The bare Python is
  the same interpreter asleep, beside the supervisor. *Wakeups* are voluntary context switches.
"""


def measure_two_workers(name: str, app: str, scratch: Path) -> Measured:
    """Throughput and CPU per request of two workers by those of one."""
    with started(app, 1, scratch) as one, started(app, 2, scratch) as two:
        for fleet in (one, two):
            fleet.load(1, "/work")
        pairs = []
        for _ in range(ATTEMPTS):
            pairs.append((_worked(one), _worked(two)))
            if _disturbance(pairs[-1]) <= DISTURBANCE:
                break
    before, after = pair = min(pairs, key=_disturbance)
    yield f"rps {name}", after.rps / before.rps
    yield f"cpu {name}", after.cpu / before.cpu
    yield f"others {name}", _disturbance(pair)


@dataclass(frozen=True, slots=True)
class _Work:
    """One run of wrk: requests per second, CPU seconds per request, processors others used."""

    rps: float
    cpu: float
    others: float


def _worked(fleet: Fleet) -> _Work:
    everything, server, begin = busy(), fleet.process.cpu(), time.monotonic()
    seen = fleet.load(SECONDS, "/work")
    server = fleet.process.cpu() - server
    others = (busy() - everything - server - seen.cpu) / (time.monotonic() - begin)
    return _Work(seen.requests / seen.seconds, server / seen.requests, max(0.0, others))


def _disturbance(pair: tuple[_Work, _Work]) -> float:
    return max(one.others for one in pair)


def measure_reloads(name: str, app: str, scratch: Path) -> Measured:
    """How long a reload takes, and what clients notice of it."""
    with started(app, 2, scratch) as fleet:
        fleet.load(1, pause=PAUSE)
        yield f"reload {name}", median(fleet.reload(2) for _ in range(3))
        normal = fleet.load(SECONDS, pause=PAUSE).p99
        with _reloading(fleet):
            reloading = fleet.load(SECONDS, pause=PAUSE).p99
    yield f"p99 {name}", reloading / normal


class _reloading:  # noqa: N801
    """Reloads a fleet again and again while the block runs."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._fleet.reload(2)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()


def measure_kills(name: str, app: str, scratch: Path) -> Measured:
    """How soon a killed worker is replaced; only a few of one server: then it waits on purpose."""
    with started(app, 1, scratch) as fleet:
        ask(fleet.process.port, "/")
        yield f"kill {name}", median(fleet.kill_one() for _ in range(3))


def measure_spread(name: str, app: str, scratch: Path) -> Measured:
    """How even the load is, and who waits for a blocked worker."""
    with started(app, 8, scratch, "--threads", "1") as fleet:
        fleet.load(SECONDS, pause=PAUSE)
        requests = fleet.requests()
        yield f"even {name}", requests[-1] / max(1, requests[0])
        port = fleet.process.port
        with connect(port) as blocked:
            blocked.sendall(b"GET /block HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            wait_for((scratch / "blocked").exists, "the call that blocks")
            end = time.monotonic() + 1.5  # well before the call is over
            longest, count = 0.0, 0
            while count < NEW_CLIENTS and time.monotonic() < end:
                longest, count = max(longest, ask(port, "/")), count + 1
            blocked.recv(4096)
        yield f"blocked {name}", longest


def measure_preload(scratch: Path) -> Measured:
    """Memory of four Django workers, loaded once or each for itself."""
    sizes = []
    for options in ((), ("--preload",)):
        with started("django_app:app", 4, scratch, *options) as fleet:
            fleet.load(1, "/items/7")
            sizes.append(sum(map(pss, fleet.process.tree())))
    yield "preload", sizes[1] / sizes[0]


def measure_supervisor(scratch: Path) -> Measured:
    """What a supervisor takes while nothing happens."""
    sleeper = [sys.executable, "-c", "print(flush=True); import time; time.sleep(600)"]
    with started(INTERFACES["ASGI"], 2, scratch) as fleet, ExitStack() as stack:
        bare = stack.enter_context(subprocess.Popen(sleeper, stdout=subprocess.PIPE))
        stack.callback(bare.kill)
        assert bare.stdout is not None
        bare.stdout.readline()
        pid = fleet.process.pid
        fleet.load(1)
        yield "memory", (pss(pid) - pss(bare.pid)) / MEBIBYTE
        before = wakeups(pid)
        time.sleep(IDLE_SECONDS)
        yield "wakeups", (wakeups(pid) - before) / IDLE_SECONDS


def measurements() -> list[Callable[[Path], Measured]]:
    """All of one round."""
    each = (measure_two_workers, measure_reloads, measure_kills, measure_spread)
    of_interfaces = [
        (lambda scratch, one=one, name=name, app=app: one(name, app, scratch))
        for one in each
        for name, app in INTERFACES.items()
    ]
    return [*of_interfaces, measure_preload, measure_supervisor]


def measure(rounds: int, figures: Figures, failures: list[str]) -> None:
    """Every figure once in each round; what goes wrong is noted, and the others go on."""
    for turn in range(rounds):
        for one in measurements():
            try:
                with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
                    for name, value in one(Path(scratch)):
                        figures.setdefault(name, []).append(value)
                        print(f"{turn + 1}/{rounds}  {name:14} {value:.3g}", file=sys.stderr)
            except (StartError, LoadError, AnswerError, ChangeError, OSError) as error:
                failures.append(str(error) or type(error).__name__)
                print(f"failed: {failures[-1]}", file=sys.stderr)


def markdown(date: str, figures: Figures, failures: list[str]) -> str:
    """The report."""
    lines = [
        f"# Workers and their supervisor, {date}, {machine.label()}\n",
        METHOD,
        f"Python {platform.python_version()}, Linux {platform.release().partition('-')[0]}.\n",
        "| what | target | measured | verdict |\n| --- | --- | --- | --- |",
    ]
    for name, row in rows().items():
        target = f"{'>=' if row.at_least else '<='} {row.limit:g} {row.unit}".strip()
        lines.append(f"| {row.title} | {target} | {_result(row, figures.get(name, []))} |")
    lines += [f"\nFailed: {failure}" for failure in failures]
    return "\n".join(lines) + "\n"


def _result(row: Row, values: list[float]) -> str:
    if not values:
        return "- | not measured"
    shown = f"{median(values):.3g} ({min(values):.3g} - {max(values):.3g})"
    return f"{shown} | {'met' if row.met(values) else '**not met**'}"


def main() -> int:
    """Measures, and writes the report beside that of `make bench`."""
    parser = argparse.ArgumentParser(prog="bench/processes.py", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, help="the report's directory")
    options = parser.parse_args()
    date = datetime.date.today().isoformat()
    directory = options.output or RESULTS / f"{date}-{machine.slug()}"
    directory.mkdir(parents=True, exist_ok=True)
    figures: Figures = {}
    failures: list[str] = []
    measure(options.rounds, figures, failures)
    text = json.dumps({"date": date, "figures": figures, "failures": failures}, indent=1)
    (directory / "processes.json").write_text(text + "\n")
    (directory / "processes.md").write_text(markdown(date, figures, failures))
    print(f"{directory / 'processes.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
