"""The process that watches files for --reload, as the supervisor has it: start, hear and end it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tricorn.config.development import Development
from tricorn.errors import ConfigError, TricornError
from tricorn.supervisor.watch_messages import Change, Line, WatchOrder, decode_changes

_MODULE = "tricorn.supervisor.watch_process"
_ENDED = "--reload: the process that watches the files has ended; restart the server"


class Watcher:
    """The process that watches files, and the pipe on which it tells what has changed."""

    def __init__(self, order: WatchOrder) -> None:
        self._process = subprocess.Popen(
            # -P: modules in the current directory are the application's, not ours to import.
            [sys.executable, "-P", "-m", _MODULE, order.encode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,  # Ctrl-C is for the supervisor, which ends this process
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._pending = b""

    @classmethod
    def start(cls, settings: Development, app_dir: str) -> Watcher:
        """Start the process and wait until no change can be missed any more, about 0.2 s.

        Raises ConfigError when a root is not there, a library is missing or the kernel refuses.
        """
        _require("pathspec", *(() if settings.reload_engine == "poll" else ("watchfiles",)))
        watcher = cls(_order(settings, app_dir))
        try:
            watcher._wait_watching()
        except BaseException:
            watcher.stop()
            raise
        return watcher

    @property
    def pid(self) -> int:
        """The process id, so that a supervisor that reaps its children knows this one."""
        return self._process.pid

    def fileno(self) -> int:
        """A descriptor that is readable when :meth:`read` has something to say."""
        return self._stdout.fileno()

    def read(self) -> list[Change]:
        """What has changed since the last call; never blocks.

        Raises TricornError when the process has ended: there will be no more changes.
        """
        return [change for line in self._read_lines() for change in decode_changes(line)]

    def stop(self) -> None:
        """End the process and close the pipe; safe to call twice."""
        self._process.kill()  # it has nothing to put in order
        self._process.wait()
        self._close()

    def abandon(self) -> None:
        """Let go of the process in a forked child, which would else keep it alive."""
        self._process.returncode = 0  # it is the supervisor that waits for its end
        self._close()

    def _close(self) -> None:
        self._stdin.close()
        self._stdout.close()

    def _wait_watching(self) -> None:
        """Read the first line and no further: what follows it has to make the pipe readable."""
        first = self._stdout.readline()
        if not first:
            raise TricornError(_ENDED)
        _check(json.loads(first))
        os.set_blocking(self.fileno(), False)

    def _read_lines(self) -> list[Line]:
        while data := self._stdout.read(65536):
            self._pending += data
        *whole, self._pending = self._pending.split(b"\n")
        if data is not None and not whole:  # None: nothing more for now
            raise TricornError(_ENDED)
        return [_check(json.loads(line)) for line in whole]


def _check(line: Line) -> Line:
    if "error" in line:
        raise ConfigError(line["error"])
    return line


def _require(*libraries: str) -> None:
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        raise ConfigError(f"--reload needs {needed}; pip install {' '.join(missing)}")


def _order(settings: Development, app_dir: str) -> WatchOrder:
    flag = "--reload-dir" if settings.reload_dir else "--app-dir"
    directories = settings.reload_dir or (app_dir,)
    return WatchOrder(
        roots=tuple(_root(flag, directory) for directory in directories),
        include=settings.reload_include,
        exclude=settings.reload_exclude,
        extra_files=settings.reload_extra_file,
        gitignore=settings.reload_gitignore,
        delay=settings.reload_delay,
        poll=settings.reload_engine == "poll",
    )


def _root(flag: str, directory: str) -> str:
    # Links stay as they are: patterns and messages are about the path that the user knows.
    root = Path(directory).absolute()
    if not root.is_dir():
        raise ConfigError(f'{flag}: there is no directory "{directory}"')
    if root.samefile(root.anchor):
        raise ConfigError(
            f'--reload would watch the whole machine: {flag} is "{directory}", which is '
            f"{root.anchor}; name the directory of the application"
        )
    return os.path.normpath(root)
