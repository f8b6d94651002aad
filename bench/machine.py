"""Facts about the machine and the versions of all that ran, without the machine's name."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from rivals import SERVERS

Facts = dict[str, str]
FRAMEWORKS = ("uvloop", "httptools", "fastapi", "starlette", "flask", "django")
VERSION = (
    "import sys, sysconfig, platform, importlib.metadata as m\n"
    "pgo = '--enable-optimizations' in (sysconfig.get_config_var('CONFIG_ARGS') or '')\n"
    "print('Python', platform.python_version(), '' if pgo else '(built without PGO)')\n"
    "for name in sys.argv[1:]:\n"
    "    try: print(name, m.version(name))\n"
    "    except m.PackageNotFoundError: print(name, 'not installed')\n"
)


def label() -> str:
    """A neutral name of the machine: processor model and number of cores."""
    model = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    name = model[1].strip() if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def slug() -> str:
    """The label as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", label().lower()).strip("-")


def facts(rivals: Path, python: Path) -> Facts:
    """Machine, kernel, interpreters, load generator and the version of every server."""
    memory = re.search(r"MemTotal:\s*(\d+) kB", _read("/proc/meminfo"))
    packages = [server.package for name, server in SERVERS.items() if name != "tricorn"]
    wanted = [package for package in packages if package] + list(FRAMEWORKS)
    found = {
        "machine": label(),
        "memory": f"{int(memory[1]) / 1024 / 1024:.0f} GiB" if memory else "unknown",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "wrk": _first_line(["wrk", "-v"]),
        "h2load": _first_line(["h2load", "--version"]),
        "ab": _first_line(["ab", "-V"]),
        "strace": _first_line(["strace", "-V"]),
        "nginx": _first_line(["nginx", "-v"]),
    }
    found |= _versions(python, ["tricorn"], "Tricorn's ")
    return found | _versions(rivals / "bin" / "python", wanted, "the rivals' ")


def _versions(python: Path, packages: list[str], owner: str) -> Facts:
    done = subprocess.run(
        [str(python), "-c", VERSION, *packages], capture_output=True, text=True, check=True
    )
    pairs = [line.strip().split(" ", 1) for line in done.stdout.splitlines()]
    return {(owner + name if name == "Python" else name): version for name, version in pairs}


def _first_line(command: list[str]) -> str:
    """What a program says its version is (some say it on stderr, some exit with 1)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "not installed"
    said = (done.stdout + done.stderr).strip().splitlines()
    return said[0].split(" Copyright")[0] if said else "unknown"


def _read(path: str) -> str:
    return Path(path).read_text()
