"""The process that watches files for --reload: an order on its command line, lines on its stdout.

It runs apart from the supervisor, whose single thread keeps fork safe, and it ends when its stdin
does, so it never outlives the supervisor. ``watch.py`` starts it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tricorn.supervisor.watch_messages import Change, Line, WatchOrder, encode_changes
from tricorn.supervisor.watch_tree import Tree, TreeScanner, differences

_STEP = 50
"""Milliseconds between two looks at what the kernel has told; with them begins every reload."""

_POLL = 0.5
"""Seconds between two looks at the files where the kernel tells nothing."""

_LONGEST_BURST = 5.0
"""Seconds after which changes are told even though there are ever more of them."""

Tell = Callable[[Line], None]


class EventsLostError(Exception):
    """The kernel has told of changes that did not arrive; the engine is of no more use."""


class Engine(Protocol):
    """What says that something may have changed in some directories."""

    def wait(self) -> Iterable[str] | None:
        """Block until there is news: the paths it is about, or None if that is not known."""

    def close(self) -> None:
        """Stop watching."""


class Events:
    """The kernel's own events, by watchfiles. Raises OSError when it cannot watch."""

    def __init__(self, directories: Iterable[str]) -> None:
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        # Not recursive: directories that cannot count, some of them huge, cost no watches.
        paths = [path for path in directories if _is_unicode(path)]
        try:
            self._notify = RustNotify(paths, False, False, 0, False, True)
        except WatchfilesRustInternalError as error:
            raise OSError(str(error)) from None
        self._lost = WatchfilesRustInternalError

    def wait(self) -> Iterable[str]:
        """Block until some paths have changed. Raises EventsLostError."""
        try:
            news = self._notify.watch(_STEP, _STEP, 0, None)
        except self._lost:
            raise EventsLostError from None
        return () if isinstance(news, str) else [path for _, path in news]

    def close(self) -> None:
        """Give the watches back."""
        self._notify.close()


class Polling:
    """A clock."""

    def __init__(self, directories: Iterable[str]) -> None:
        """Take any directories: they are all looked at, every time."""

    def wait(self) -> None:
        """Sleep."""
        time.sleep(_POLL)

    def close(self) -> None:
        """There is nothing to stop."""


class Watch:
    """Looks at the tree whenever there is news, and tells what has changed."""

    def __init__(self, order: WatchOrder, tell: Tell) -> None:
        self._delay = order.delay
        self._engine: Callable[[Iterable[str]], Engine] = Polling if order.poll else Events
        self._tell = tell
        self._scanner = TreeScanner(order)
        self._tree = self._scanner.scan()

    def run(self) -> None:
        """Watch without end. Raises OSError when the directories cannot be watched."""
        engine = self._open()
        self._tell({"watching": len(self._tree.directories)})
        while True:
            with suppress(EventsLostError):
                self._follow(engine)
            engine.close()
            engine = self._open()

    def _open(self) -> Engine:
        while True:
            try:
                return self._engine(self._tree.directories)
            except FileNotFoundError:  # a directory has just gone
                self._tree.directories = self._scanner.scan().directories

    def _follow(self, engine: Engine) -> None:
        """Tell of changes until there are other directories to watch."""
        watched = self._tree.directories.keys()
        self._look()  # at what changed before the engine was there
        made_anew = False
        while not made_anew and self._tree.directories.keys() == watched:
            made_anew = self._wait(engine)
            self._look()

    def _wait(self, engine: Engine) -> bool:
        """Wait for news that matter: whether a watched directory may not be the same any more."""
        while True:
            news = engine.wait()
            if news is None:
                return False
            if any(self._scanner.concerns(self._tree, path) for path in news):
                return any(path in self._tree.directories for path in news)

    def _look(self) -> None:
        latest = self._settled()
        changes = differences(self._tree.files, latest.files)
        self._tree = latest
        if changes:
            self._tell(encode_changes(Change(one.kind, _shown(one.path)) for one in changes))

    def _settled(self) -> Tree:
        """The tree, once nothing has changed in it for the delay."""
        end = time.monotonic() + _LONGEST_BURST
        before, latest = self._tree, self._scanner.scan()
        while latest.files != before.files and time.monotonic() < end:
            time.sleep(self._delay)
            before, latest = latest, self._scanner.scan()
        return latest


def _shown(path: str) -> str:
    """A path as people would write it: relative where it is below the current directory."""
    return path.removeprefix(str(Path.cwd()).rstrip("/") + "/")


def _is_unicode(path: str) -> bool:
    """Whether watchfiles can take a path: it refuses names that are not UTF-8."""
    return path.isascii() or not any("\udc80" <= letter <= "\udcff" for letter in path)


def _write(line: Line) -> None:
    # One call, so that the supervisor is not woken by half a line.
    os.write(1, json.dumps(line).encode() + b"\n")


def _end_with_supervisor() -> None:
    # Not sys.stdin: the interpreter would wait for its lock when the main thread ends.
    while os.read(0, 4096):
        pass
    os._exit(0)


def main() -> None:
    """Watch what ``sys.argv[1]`` orders until stdin ends; what cannot be watched is told."""
    threading.Thread(target=_end_with_supervisor, daemon=True).start()
    try:
        Watch(WatchOrder.decode(sys.argv[1]), _write).run()
    except ValueError as error:
        _write({"error": f"--reload-include or --reload-exclude: {error}"})
    except OSError as error:
        _write({"error": _explain(error)})


def _explain(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"--reload: the directory to watch is not there any more: {error}"
    return (
        f"--reload: the files cannot be watched: {error}. If the kernel's limit is reached, raise "
        "it with sysctl fs.inotify.max_user_watches, or use --reload-engine poll"
    )


if __name__ == "__main__":
    main()
