"""The pid file: one live server holds it, others are refused, and it goes when its server goes.

Whether a server holds a pid file is told by a lock on it and not by the number in it: after a
reboot, or in a container, the number may be that of any process. The lock is one of flock(2): the
kernel drops it when the process ends, however it ends. A forked child would keep it, so there the
descriptor is closed at once; a worker that still drains must not keep the next server from
starting. (A POSIX lock is not inherited, but reading the file anywhere in the process drops it.)

    no file            write a new one, locked, and link it to the path
    file, locked       another server: refuse
    file, not locked   stale: lock it, see that it is still the one at the path, move ours over it

Anybody who can read the file can lock it, too. A lock of a user who can't have written it does not
count, where the system tells whose it is.

Of two that start at once, the second finds that what it has locked is no longer at the path, and
looks again. Nobody ever sees a file that is half written.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tricorn.errors import ConfigError
from tricorn.net.holder import describe_process

_MODE = 0o644
_CONTENT = re.compile(rb"\s*([0-9]{0,10})\s*")
_LONGEST = 64
_MOST_ATTEMPTS = 100
"""Each but the last means that another server has just come or gone."""


class PidFile:
    """A pid file that this process holds until the block ends: ``with PidFile(path): ...``.

    Opening raises ConfigError when another server holds it, or it cannot be written. In a forked
    child it is closed already.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path).absolute()
        with _explained(self.path):
            fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            self._fd = _write(fresh, os.getpid())
            try:
                _place(fresh, self.path)
            except BaseException:
                fresh.unlink()
                os.close(self._fd)
                raise
        os.register_at_fork(after_in_child=self._forget)

    def __enter__(self) -> PidFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def move(self, path: str) -> None:
        """Take the file to another path, as an upgrade in place does.

        Raises ConfigError when another server holds what is there; ours stays where it is then.
        """
        target = Path(path).absolute()
        if target == self.path:
            return
        with _explained(target):
            _place(self.path, target)
        self.path = target

    def close(self) -> None:
        """Remove the file if it is still ours. May be called twice."""
        with suppress(OSError):
            if self._fd >= 0 and _is_at(self._fd, self.path):
                self.path.unlink()
        self._forget()

    def _forget(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _write(path: Path, pid: int) -> int:
    """Make a locked file that holds the number; its descriptor."""
    path.unlink(missing_ok=True)  # of one that had our number and was killed at this point
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    try:
        os.fchmod(fd, _MODE)  # whatever the umask: others may read who we are
        os.write(fd, f"{pid}\n".encode())
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        path.unlink()
        raise
    return fd


def _place(source: Path, target: Path) -> None:
    """Give our locked file its name; raises ConfigError if another server's has it."""
    for _ in range(_MOST_ATTEMPTS):
        try:
            os.link(source, target)
        except FileExistsError:
            if _replace(source, target):
                return
        else:
            source.unlink()
            return
    if target.is_symlink():
        raise ConfigError(f'--pid: "{target}" is a link to nothing. Remove it, or name the file.')
    raise ConfigError(f'--pid: cannot take "{target}": others keep replacing it')


def _replace(source: Path, target: Path) -> bool:
    """Move our file over a stale one; False if that was no longer there."""
    try:
        fd = os.open(target, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        _lock(fd, target)
        if not _is_at(fd, target):
            return False
        source.rename(target)
        return True
    finally:
        os.close(fd)


def _lock(fd: int, path: Path) -> None:
    content = _CONTENT.fullmatch(os.read(fd, _LONGEST))
    if content is None:
        raise ConfigError(f'--pid: "{path}" is there and is no pid file. Give another path.')
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if _is_a_readers(fd):
            return
        holder = describe_process(content[1].decode()) if content[1] else "another process"
        raise ConfigError(
            f'--pid: "{path}" is held by {holder}. Stop it, or give another path.'
        ) from None


def _is_a_readers(fd: int) -> bool:
    """Whether the lock is of a user who can't have written the file, as far as /proc tells."""
    found = os.fstat(fd)
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, _, _, pid, where, *_ = line.replace("-> ", "").split()
            if (kind, where) == ("FLOCK", device):
                return Path(f"/proc/{pid}").stat().st_uid not in (0, os.geteuid(), found.st_uid)
    return False


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ConfigError(
            f'--pid: cannot write "{path}": the directory {path.parent} does not exist. '
            "Make it, or give another path."
        ) from None
    except OSError as error:
        raise ConfigError(f'--pid: cannot write "{path}": {error.strerror}') from None
