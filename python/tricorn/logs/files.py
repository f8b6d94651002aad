"""The log files: opened with care, and for workers that have fewer rights by their supervisor.

A worker that runs as another user can't open a file that root has made. So the supervisor opens all
files and *holds* them: a fork inherits them, and after a rotation it hands the new ones on.

As root, a directory that others may change is not trusted: whoever owns it could put a link there,
and root would append to whatever that names.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from tricorn.config.serving import Logs
from tricorn.errors import ConfigError

STREAMS = {"-", "stdout", "stderr"}

_held: dict[str, int] = {}
"""Descriptors by the path as it is written in the settings."""
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
"""Without O_NONBLOCK a pipe without a reader would keep us waiting; it means nothing for a file."""


def paths(settings: Logs) -> list[str]:
    """The files that the settings name, always in the same order."""
    error_log = () if settings.log_config is not None else (settings.error_log,)
    named = dict.fromkeys((*error_log, settings.access_log))
    return [one for one in named if one not in STREAMS and one != "off"]


def open_log(flag: str, path: str) -> int:
    """A descriptor of its own that appends to a log, close-on-exec. Raises ConfigError."""
    try:
        return os.dup(_held[path]) if path in _held else _open(path)
    except OSError as error:
        raise ConfigError(f'{flag}: cannot open "{path}": {_reason(error)}') from None
    except ValueError:
        raise ConfigError(f"{flag}: {path!r} has a NUL byte, which no path can have") from None


def hold(settings: Sequence[Logs]) -> None:
    """In a supervisor: open all these files anew, for itself and its workers.

    Raises ConfigError; what was held is kept then.
    """
    before = dict(_held)
    _held.clear()
    try:
        for one in settings:
            for path in paths(one):
                flag = "--error-log" if path == one.error_log else "--access-log"
                _held[path] = _held[path] if path in _held else open_log(flag, path)
    except ConfigError:
        _drop(_held)
        _held.update(before)
        raise
    _drop(before)


def held(settings: Logs) -> list[int]:
    """The descriptors of the `paths`, to be handed on."""
    return [_held[path] for path in paths(settings)]


def take(settings: Logs, descriptors: Sequence[int]) -> None:
    """In a worker: these are the `paths` from now on."""
    for path, fd in zip(paths(settings), descriptors, strict=False):
        if path in _held:
            os.close(_held[path])
        _held[path] = fd


def _drop(descriptors: dict[str, int]) -> None:
    for fd in descriptors.values():
        os.close(fd)
    descriptors.clear()


def _open(path: str) -> int:
    fd = _open_as_root(path) if os.geteuid() == 0 else os.open(path, _APPEND, 0o644)
    os.set_blocking(fd, True)
    return fd


def _open_as_root(path: str) -> int:
    whole = Path(path).absolute()
    directory, trusted = _directory(whole)
    try:
        if trusted:
            return os.open(whole.name, _APPEND, 0o644, dir_fd=directory)
        return _open_regular(whole.name, directory)
    finally:
        os.close(directory)


def _directory(path: Path) -> tuple[int, bool]:
    """The directory of a path, and whether only root can have put something there.

    From the first directory on that others may change, no link is followed.
    """
    here, trusted = os.open("/", os.O_PATH | os.O_CLOEXEC), True
    for name in path.parts[1:-1]:
        follow = 0 if trusted else os.O_NOFOLLOW
        before = here
        try:
            here = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC | follow, dir_fd=before)
        finally:
            os.close(before)
        found = os.fstat(here)
        trusted = trusted and found.st_uid == 0 and not found.st_mode & stat.S_IWOTH
    return here, trusted


def _open_regular(name: str, directory: int) -> int:
    fd = os.open(name, _APPEND | os.O_NOFOLLOW, 0o644, dir_fd=directory)
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return fd
    os.close(fd)
    raise OSError(None, "it is no file of its own, in a directory that others may change")


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "root follows no link in a directory that others may change"
    if error.errno == errno.ENXIO:
        return "it is a pipe that nobody reads; start its reader first"
    return error.strerror or str(error.args[-1])
