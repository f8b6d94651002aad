"""Run a program in a poor world: ``python poor.py SITUATION … -- PROGRAM …``.

The program takes this process's place, so its id is the one that was started. A situation is a word
of ``SITUATIONS``, most with a value: ``user=54321``, ``closed=1,2``, ``readonly``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

Program = list[str]
CLONE_NEWNS = 0x00020000  # <sched.h>; os.unshare is there from Python 3.12 on
ROOM = 2 * resource.getpagesize()
"""Bytes of a disk that is full with one file."""
KERNELS = {"proc", "sysfs", "devpts", "devtmpfs", "cgroup", "cgroup2"}
"""Kinds of file systems that nobody writes files to."""


def user(value: str, program: Program) -> Program:
    """Another user who may read everything: limits on processes do not bind root."""
    rights = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    groups = (f"--regid={value}", "--clear-groups")
    return [where("setpriv"), f"--reuid={value}", *groups, *rights, *program]


def descriptors(value: str, program: Program) -> Program:
    """So many are open already, as of a parent that leaks them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for _ in range(int(value)):
        os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
    return program


def room(value: str, program: Program) -> Program:
    """So many descriptors at the most."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    return program


def readonly(value: str, program: Program) -> Program:
    """No file can be written anywhere, as in a container with a read-only root."""
    own_mounts()
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, at, kind, *_ = line.split()
        if kind not in KERNELS:
            subprocess.run(["mount", "-o", "remount,bind,ro", at], check=True)
    return program


def disk(value: str, program: Program) -> Program:
    """A directory on a disk that is full."""
    own_mounts()
    Path(value).mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", value], check=True)
    Path(value, "large").write_bytes(bytes(ROOM))
    return program


def readable(value: str, program: Program) -> Program:
    """Every user can read this Python, also where it is in the home of root."""
    home = Path(sys.base_prefix).parents[-2]  # the first below the root
    if home.stat().st_mode & 0o001:
        return program
    own_mounts()
    aside = Path(tempfile.mkdtemp())
    subprocess.run(["mount", "--bind", sys.base_prefix, aside], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", home], check=True)
    Path(sys.base_prefix).mkdir(parents=True)
    subprocess.run(["mount", "--bind", aside, sys.base_prefix], check=True)
    subprocess.run(["umount", aside], check=True)
    aside.rmdir()
    return program


def without(value: str, program: Program) -> Program:
    """Variables of the environment are missing."""
    for name in value.split(","):
        os.environ.pop(name, None)
    return program


def closed(value: str, program: Program) -> Program:
    """Standard streams are closed."""
    for fd in value.split(","):
        os.close(int(fd))
    return program


def full(value: str, program: Program) -> Program:
    """Standard streams go to a file on a full disk."""
    target = os.open("/dev/full", os.O_WRONLY)
    for fd in value.split(","):
        os.dup2(target, int(fd))
    return program


def unread(value: str, program: Program) -> Program:
    """Standard streams go to a pipe without a reader."""
    reading, writing = os.pipe()
    for fd in value.split(","):
        os.dup2(writing, int(fd))
    os.close(reading)
    return program


def ignored(value: str, program: Program) -> Program:
    """Signals are ignored, as a shell does with those of a terminal for what it starts with &."""
    for name in value.split(","):
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    return program


def gone(value: str, program: Program) -> Program:
    """The working directory has been deleted."""
    directory = tempfile.mkdtemp()
    os.chdir(directory)
    Path(directory).rmdir()
    return program


def first(value: str, program: Program) -> Program:
    """It is process 1, as in a container; the child of the process that was started."""
    return [where("unshare"), "--fork", "--pid", "--mount-proc", "--kill-child", *program]


def own_mounts() -> None:
    """What is mounted from now on is seen by this process and its children alone."""
    assert ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def where(name: str) -> str:
    """The path of a program."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed"
    return found


SITUATIONS: dict[str, Callable[[str, Program], Program]] = {
    one.__name__: one
    for one in (
        *(user, descriptors, room, readonly, disk, readable, without),
        *(closed, full, unread, ignored, gone, first),
    )
}


def main(arguments: list[str]) -> None:
    """Become poor, then the program."""
    end = arguments.index("--")
    program = arguments[end + 1 :]
    for situation in arguments[:end]:
        name, _, value = situation.partition("=")
        program = SITUATIONS[name](value, program)
    os.execv(program[0], program)


if __name__ == "__main__":
    main(sys.argv[1:])
