"""Workers under a supervisor: they serve, are replaced, and end as signals say."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.kit import Server, serve, wait_until
from tests.process.conftest import get, refuses
from tests.process.versions import Site

Serve = Callable[..., AbstractContextManager[Server]]

KINDS = {
    "asgi-asyncio": ("asgi", "--loop", "asyncio"),
    "asgi-uvloop": ("asgi", "--loop", "uvloop"),
    "wsgi-1": ("wsgi", "--threads", "1"),
    "wsgi-4": ("wsgi", "--threads", "4"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """An interface, and the options it is run with."""
    return KINDS[request.param]


@pytest.fixture
def site(kind: tuple[str, ...], tmp_path: Path) -> Site:
    """The application, version one."""
    site = Site(tmp_path, kind[0])
    site.write("one")
    return site


@pytest.fixture
def workers(kind: tuple[str, ...], site: Site) -> Serve:
    """``with workers(2, *options) as server``."""

    def start(count: int, *options: str) -> AbstractContextManager[Server]:
        args = ("--workers", str(count), *kind[1:], *options)
        # Bytecode is told apart by whole seconds: a test writes faster than that.
        env = {"PYTHONDONTWRITEBYTECODE": "1"}
        return serve("site_app:app", *args, app_dir=site.directory, env=env)

    return start


def ask(server: Server, path: str) -> str:
    """One answer over a connection of its own."""
    with server.connect() as wire:
        answer = wire.ask(get(path))
        assert answer.status == 200
        return answer.body.decode()


def children(server: Server) -> set[int]:
    """The worker processes, as the kernel knows them (proc(5), children)."""
    path = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    return {int(pid) for pid in path.read_text().split()}


def is_alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_count(server: Server, count: int) -> None:
    """Wait until there are so many workers."""
    wait_until(lambda: len(children(server)) == count, f"{count} workers")


def wait_replaced(server: Server, before: set[int]) -> None:
    """Wait until none of these workers is left."""
    wait_until(lambda: not children(server) & before, "all workers are new", deadline=30)


def wait_gone(pid: int) -> None:
    """Wait until a process has ended."""
    wait_until(lambda: not is_alive(pid), "the end of a process")


def test_workers_serve(workers: Serve) -> None:
    with workers(2) as server:
        pids = children(server)
        assert len(pids) == 2
        assert "2 workers" in server.stderr.text()
        assert int(ask(server, "/pid")) in pids
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize("path", ["/exit", "/crash"])
def test_a_dead_worker_is_replaced(workers: Serve, path: str) -> None:
    with workers(2) as server:
        before = children(server)
        with server.connect() as wire:
            wire.send(get(path))
            assert wire.ended()
        after = wait_until(lambda: children(server) - before, "another worker")
        wait_until(lambda: len(children(server)) == 2, "two workers")
        what = {"/exit": "exit code 7", "/crash": "SIGSEGV"}[path]
        text = server.stderr.wait(lambda text: what in text, what)
        assert f"in flight: GET {path} of 127.0.0.1:" in text
        assert len(after) == 1
        assert ask(server, "/version") == "one"


def test_killing_a_worker_costs_only_what_it_held(workers: Serve) -> None:
    with workers(2) as server:
        for _ in range(3):
            victim = int(ask(server, "/pid"))
            os.kill(victim, signal.SIGKILL)
            assert ask(server, "/version") == "one"
        server.stderr.wait(lambda text: "SIGKILL" in text, "the signal")


def test_more_and_fewer(workers: Serve) -> None:
    with workers(1) as server:
        for number, count in ((signal.SIGTTIN, 2), (signal.SIGTTIN, 3), (signal.SIGTTOU, 2)):
            server.send_signal(number)
            wait_count(server, count)
        for _ in range(3):
            server.send_signal(signal.SIGTTOU)
        wait_count(server, 1)
        assert ask(server, "/version") == "one"


def test_rest_and_wake(workers: Serve) -> None:
    """WINCH sends the workers home; connections wait until HUP brings them back."""
    with workers(2) as server:
        server.send_signal(signal.SIGWINCH)
        wait_until(lambda: not children(server), "no workers")
        with server.connect() as wire:
            wire.send(get("/version"))
            server.send_signal(signal.SIGHUP)
            assert wire.response().body == b"one"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_signals_that_stop(workers: Serve, number: signal.Signals) -> None:
    with workers(2) as server:
        pids = children(server)
        assert server.stop(number) == 0
        assert not any(map(is_alive, pids))
        assert refuses(server)


def test_a_second_signal_ends_at_once(workers: Serve) -> None:
    with workers(2) as server, server.connect() as wire:
        pids = children(server)
        wire.send(get("/block"))
        server.stdout.wait(lambda text: "stuck" in text, "a call that blocks")
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: len(children(server)) == 1, "the other worker has left")
        assert server.running()
        server.send_signal(signal.SIGTERM)
        assert server.wait_exit() == 1
        assert not any(map(is_alive, pids))


def test_ctrl_c_is_quick(workers: Serve) -> None:
    """SIGINT to the whole group, as a terminal sends it, while a call blocks."""
    with workers(2) as server, server.connect() as wire:
        pids = children(server)
        wire.send(get("/block"))
        server.stdout.wait(lambda text: "stuck" in text, "a call that blocks")
        for pid in (server.pid, *pids):
            os.kill(pid, signal.SIGINT)
        assert server.wait_exit(deadline=5) == 0
        assert not any(map(is_alive, pids))


def test_workers_leave_with_their_supervisor(workers: Serve) -> None:
    with workers(2) as server:
        pids = children(server)
        server.send_signal(signal.SIGKILL)
        assert server.wait_exit() == -signal.SIGKILL
        for pid in pids:
            wait_gone(pid)


# Those that take seconds are for one loop and one kind of threads: it makes no difference to them.
SLOW = pytest.mark.parametrize("kind", [KINDS["asgi-uvloop"], KINDS["wsgi-4"]], ids=str)


@SLOW
@pytest.mark.parametrize("path", ["/spin", "/block"])
def test_a_stuck_worker_ends_with_its_supervisor(workers: Serve, path: str) -> None:
    with workers(1, "--graceful-timeout", "0") as server, server.connect() as wire:
        [pid] = children(server)
        wire.send(get(path))
        server.stdout.wait(lambda text: "stuck" in text, "a call that never ends")
        server.send_signal(signal.SIGKILL)
        wait_gone(pid)
        assert server.wait_exit() == -signal.SIGKILL


def test_recycling_loses_nothing(workers: Serve) -> None:
    with workers(2, "--max-requests", "20") as server:
        first = children(server)
        count = 0
        while children(server) & first:
            for _ in range(10):
                assert ask(server, "/version") == "one"
            count += 10
            assert count < 100_000
        assert "Traceback" not in server.stderr.text()


@SLOW
def test_a_worker_that_grows_is_recycled(workers: Serve) -> None:
    with workers(1, "--max-memory", "200MiB") as server:
        before = children(server)
        assert ask(server, "/grow") == "/grow"
        wait_replaced(server, before)
        wait_count(server, 1)
        assert ask(server, "/version") == "one"


@pytest.mark.parametrize("path", ["/spin", "/block", "/deadlock"])
def test_a_hang_is_seen_shown_and_ended(kind: tuple[str, ...], site: Site, path: str) -> None:
    """With one thread, or the loop's, stuck in Python, in C, and in a lock."""
    one = ("--threads", "1") if kind[0] == "wsgi" else ()
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    options = ("--workers", "2", "--timeout", "1", *kind[1:], *one)
    with serve("site_app:app", *options, app_dir=site.directory, env=env) as server:
        before = children(server)
        with server.connect() as wire:
            wire.send(get(path))
            server.stdout.wait(lambda text: "stuck" in text, "a call that never ends")
            for _ in range(20):
                assert ask(server, "/version") == "one", "the other worker goes on"
            assert wire.ended()
        wait_until(lambda: len(children(server) - before) == 1, "another worker")
        text = server.stderr.wait(lambda text: "when it hung" in text, "the stacks")
        where = {"/spin": "in spin", "/block": "in body_of", "/deadlock": "in wait_for"}[path]
        assert where in text
        assert "no sign of life" in text
        assert f"in flight: GET {path} of" in text
        assert ask(server, "/version") == "one"


@pytest.mark.parametrize(
    ("text", "told", "code"),
    [
        ("import nothing_like_this", "nothing_like_this", 1),
        ("def app(: pass", "SyntaxError", 1),
        ("raise RuntimeError('at import')", "at import", 1),
        ("import os; os._exit(9)", "exit code 9", 9),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV", 139),
    ],
)
def test_a_start_that_can_never_work(text: str, told: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "site_app.py").write_text(text)
    args = ["site_app:app", "--workers", "2", "--port", "0"]
    server = Server(args, cwd=tmp_path)
    assert server.wait_exit() == code
    assert told in server.stderr.text()


def test_a_lifespan_that_fails(tmp_path: Path) -> None:
    Site(tmp_path, "asgi").write("one", startup="failed")
    server = Server(["site_app:app", "--workers", "2", "--port", "0"], cwd=tmp_path)
    assert server.wait_exit() == 3
    assert "no database" in server.stderr.text()


def title_of(pid: int) -> str:
    """What ps shows of a process (proc(5), cmdline)."""
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0")


def test_titles_show_what_a_worker_does(workers: Serve) -> None:
    with workers(1) as server:
        (pid,) = children(server)
        shown = "tricorn: worker 0 [gen 1] serving 0"
        wait_until(lambda: title_of(pid) == shown, "the title of an idle worker")


def test_titles_count_requests(tmp_path: Path) -> None:
    site = Site(tmp_path, "wsgi")
    site.write("one")
    options = ("--workers", "1", "--threads", "4", "--graceful-timeout", "0")
    with serve("site_app:app", *options, app_dir=tmp_path) as server:
        (pid,) = children(server)
        with server.connect() as one, server.connect() as other:
            for wire in (one, other):
                wire.send(get("/block"))
            wait_until(lambda: title_of(pid).endswith("serving 2"), "two requests in the title")
