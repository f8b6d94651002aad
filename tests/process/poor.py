"""Run a program in a poor world: ``python -m tests.process.poor SITUATION … -- PROGRAM …``.

The program takes this process's place, so its id is the one that was started. A situation is a word
of ``SITUATIONS`` with a value: ``user=54321``, ``descriptors=5000``.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Callable

Program = list[str]


def user(value: str, program: Program) -> Program:
    """Another user who may read everything: limits on processes do not bind root."""
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    rights = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    groups = (f"--regid={value}", "--clear-groups")
    return [setpriv, f"--reuid={value}", *groups, *rights, *program]


def descriptors(value: str, program: Program) -> Program:
    """So many are open already, as of a parent that leaks them."""
    count = int(value)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for _ in range(count):
        os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
    return program


SITUATIONS: dict[str, Callable[[str, Program], Program]] = {
    one.__name__: one for one in (user, descriptors)
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
