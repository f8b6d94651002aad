"""--preload: the application is loaded before the fork, and what does not survive that is named.

A forked process has the memory of its parent but only one of its threads, and shares its sockets:
a pool of threads made by an import is dead in each worker, and two workers that talk over one
connection read each other's answers.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from tricorn.config import Config
from tricorn.errors import ConfigError

_log = logging.getLogger("tricorn.supervisor")

_FURTHEST = 8
"""Steps from an object to the module that keeps it."""
_MOST_SEEN = 5000
"""Objects that are looked at on the way."""
_REMEDY = "do it in the application's start-up instead, as in its lifespan"

_NOT_BOTH = (
    "--preload and --rollback-errors exclude each other: with --preload, a reload starts a new "
    "supervisor, which does not see the responses of the old one. Leave one of them away."
)


def is_preloaded(config: Config) -> bool:
    """Whether to preload. Not in development, where each change is to be loaded by new workers."""
    return config.rollout.preload and not config.development.reload


def preload(config: Config, load: Callable[[], None]) -> None:
    """Load the application, say what is not safe to fork, and freeze what is there.

    Raises ConfigError when it does not go together with another setting, and AppError.

    ``gc.freeze`` keeps the collector of a worker away from the shared objects: it would write to
    each, and so copy its page.
    """
    if config.rollout.rollback_errors:
        raise ConfigError(_NOT_BOTH)
    before = _descriptors()
    load()
    gc.collect()
    for found in (*_threads(), *_connections(before)):
        _log.warning("--preload: %s; workers would inherit it broken: %s", found, _REMEDY)
    gc.freeze()


def _threads() -> Iterator[str]:
    """The threads that a fork leaves behind."""
    known = {threading.get_native_id()}
    for thread in threading.enumerate():
        known.add(thread.native_id or 0)
        if thread is not threading.current_thread():
            yield f'{_owner(thread)} has started the thread "{thread.name}"'
    for task in _entries("/proc/self/task"):
        if int(task.name) not in known:
            with suppress(OSError):
                name = (task / "comm").read_text().strip()
                yield f'a library that is not written in Python has started the thread "{name}"'


def _connections(before: set[int]) -> Iterator[str]:
    """The sockets opened since."""
    objects = {one.fileno(): one for one in gc.get_objects() if isinstance(one, socket.socket)}
    for fd in sorted(_descriptors() - before):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                owner = _owner(objects[fd]) if fd in objects else "a library"
                yield f"{owner} has opened {_named(fd)}"


def _named(fd: int) -> str:
    with socket.socket(fileno=os.dup(fd)) as sock:
        try:
            peer = sock.getpeername()
        except OSError:
            return f"a socket (descriptor {fd})"
    at = f"{peer[0]} port {peer[1]}" if isinstance(peer, tuple) else str(peer or "this process")
    return f"a connection to {at} (descriptor {fd})"


def _owner(thing: object) -> str:
    """The module of the application or its libraries that keeps it, as far as can be known."""
    spaces = {
        id(module.__dict__): name
        for name, module in list(sys.modules.items())
        if isinstance(module, ModuleType) and name.partition(".")[0] not in _NOT_THEIRS
    }
    seen = {id(thing)}
    ring = [thing]
    for _ in range(_FURTHEST):
        ring = [one for one in gc.get_referrers(*ring) if id(one) not in seen]
        if found := next((spaces[id(one)] for one in ring if id(one) in spaces), None):
            return found
        seen.update(map(id, ring))
        if not ring or len(seen) > _MOST_SEEN:
            break
    return "some module"


_NOT_THEIRS = sys.stdlib_module_names | {"tricorn", "__main__"}


def _descriptors() -> set[int]:
    return {fd for entry in _entries("/proc/self/fd") if _is_open(fd := int(entry.name))}


def _is_open(fd: int) -> bool:
    """The one that the directory was read with is closed by now."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _entries(directory: str) -> list[Path]:
    """None where the system has no such directory."""
    with suppress(OSError):
        return list(Path(directory).iterdir())
    return []
