"""The pid file among real processes: held, stale, replaced, moved, and gone at the end."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tricorn.errors import ConfigError
from tricorn.supervisor import pidfile
from tricorn.supervisor.pidfile import PidFile

HOLD = """
import sys
from tricorn.supervisor.pidfile import PidFile
try:
    with PidFile(sys.argv[1]):
        print("held", flush=True)
        input()
except Exception as error:
    print(error, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.pid"


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that tries to hold the file; what it says of it is its first line."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip()


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        PidFile(str(path))
    return str(error.value)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_holds_the_pid_and_goes_with_the_block(path: Path) -> None:
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_everybody_may_read_it_whatever_the_umask(path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with PidFile(str(path)):
            assert stat.S_IMODE(path.stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_a_live_server_keeps_it_and_is_named(path: Path) -> None:
    with holder(path) as process:
        assert first_line(process) == "held"
        assert refusal(path).startswith(
            f'--pid: "{path}" is held by process {process.pid} ({Path(sys.executable).name} -c'
        )
        assert path.read_text() == f"{process.pid}\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["app.pid"]


def test_the_file_of_a_killed_server_is_taken_over(path: Path) -> None:
    with holder(path) as process:
        assert first_line(process) == "held"
    assert path.exists()
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("content", ["dead", "alive", "", "1\n", "999999999\n"])
def test_a_number_alone_holds_nothing(path: Path, content: str) -> None:
    """The number of a live process that is not ours: it was given away again."""
    numbers = {"dead": f"{dead_pid()}\n", "alive": f"{os.getppid()}\n"}
    path.write_text(numbers.get(content, content))
    with PidFile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("content", ["precious", "12 monkeys", "1" * 100])
def test_what_is_no_pid_file_is_left_alone(path: Path, content: str) -> None:
    path.write_text(content)
    assert refusal(path) == f'--pid: "{path}" is there and is no pid file. Give another path.'
    assert path.read_text() == content


def test_the_file_of_a_successor_is_not_removed(path: Path) -> None:
    with PidFile(str(path)):
        path.unlink()
        path.write_text("12345\n")
    assert path.read_text() == "12345\n"


def test_a_file_that_is_gone_is_no_error(path: Path) -> None:
    with PidFile(str(path)):
        path.unlink()


def test_a_forked_child_neither_removes_nor_holds_it(path: Path) -> None:
    held = PidFile(str(path))
    child = os.fork()
    if child == 0:
        held.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with holder(path) as process:
        assert first_line(process).startswith(f'--pid: "{path}" is held by process {os.getpid()} ')
    held.close()
    assert not path.exists()


def test_a_child_that_lives_on_does_not_hold_it(path: Path) -> None:
    """A worker that drains must not keep the next server from starting."""
    fork = "__import__('os').fork() or print('forked', flush=True); input()"
    script = HOLD.replace("input()", fork)
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert [first_line(process), first_line(process)] == ["held", "forked"]
        process.kill()
        process.wait()
        PidFile(str(path)).close()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        assert process.stdout.read(), "the child had ended before"


def test_moved(path: Path) -> None:
    with PidFile(str(path)) as held:
        held.move(f"{path}.old")
        assert not path.exists()
        assert Path(f"{path}.old").read_text() == f"{os.getpid()}\n"
        with holder(path) as process:
            assert first_line(process) == "held"
            with pytest.raises(ConfigError, match=f"held by process {process.pid}"):
                held.move(str(path))
        held.move(str(path))
        assert refused_elsewhere(path)
    assert list(path.parent.iterdir()) == []


def refused_elsewhere(path: Path) -> bool:
    with holder(path) as process:
        return "is held by process" in first_line(process)


def test_moved_to_where_it_is(path: Path) -> None:
    with PidFile(str(path)) as held:
        held.move(str(path))
        assert refused_elsewhere(path)


def test_of_many_that_start_at_once_over_a_stale_file_one_wins(path: Path) -> None:
    for _ in range(5):
        path.write_text(f"{dead_pid()}\n")
        contenders = contend(path, 6)
        said = [first_line(process) for process in contenders]
        assert said.count("held") == 1
        assert sum("is held by process" in line for line in said) == 5
        winner = contenders[said.index("held")]
        assert path.read_text() == f"{winner.pid}\n"
        for process in contenders:
            process.communicate("\n", timeout=30)
        assert list(path.parent.iterdir()) == []


def contend(path: Path, count: int) -> list[subprocess.Popen[str]]:
    """Processes that are ready to take the file and get their start at the same moment."""
    waiting, start = os.pipe()
    opening = f"import os; print(flush=True); os.read({waiting}, 1)"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD.replace("\ntry:", f"\n{opening}\ntry:"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[waiting],
        )
        for _ in range(count)
    ]
    for process in processes:
        first_line(process)
    os.close(waiting)
    os.close(start)
    return processes


def test_another_takes_the_file_between_our_look_and_our_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(f"{dead_pid()}\n")
    lock = pidfile._lock
    with ExitStack() as stack:

        def lock_late(fd: int, target: Path) -> None:
            monkeypatch.setattr(pidfile, "_lock", lock)
            assert first_line(stack.enter_context(holder(path))) == "held"
            lock(fd, target)

        monkeypatch.setattr(pidfile, "_lock", lock_late)
        assert "is held by process" in refusal(path)


def test_mistakes(path: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none" / "app.pid"
    assert refusal(missing) == (
        f'--pid: cannot write "{missing}": the directory {tmp_path / "none"} does not exist. '
        "Make it, or give another path."
    )
    path.mkdir()
    assert refusal(path) == f'--pid: cannot write "{path}": Is a directory'
    assert [entry.name for entry in tmp_path.iterdir()] == ["app.pid"]


STRANGER = 54321


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("flock"), reason="needs another user")
@pytest.mark.parametrize("uid", [STRANGER, 0], ids=["another user", "root"])
def test_a_lock_of_somebody_who_only_reads(uid: int) -> None:
    """Whoever reads a stale file can lock it; who can't have written it is no server."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory, "app.pid")
        path.write_text(f"{dead_pid()}\n")
        path.chmod(0o644)
        command = ["flock", str(path), "sh", "-c", "echo held; exec cat"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, user=uid) as process:
            assert first_line(process) == "held"
            if uid == STRANGER:
                with PidFile(str(path)):
                    assert path.read_text() == f"{os.getpid()}\n"
                    assert refused_elsewhere(path)
            else:
                assert "is held by" in refusal(path)
            process.communicate("")
