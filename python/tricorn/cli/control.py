"""``tricorn status`` and its kin: ask a running server over its control socket.

Exit codes: what the server says, so 0 when it did it and 1 when it could not; 2 for a mistake in
the command, or when several servers run and none is named; 3 when no server runs or answers.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click

from tricorn.cli.commands import CONTROL
from tricorn.cli.instances import ask, choose
from tricorn.cli.options import CONTEXT, read
from tricorn.cli.table import printable, render
from tricorn.config.closest import did_you_mean
from tricorn.errors import ConfigError

_CONTROL = click.Option(
    ["--control"],
    metavar="PID|APP|DIR|PATH",
    help="Which server: the supervisor's process id, what it serves, where it was started, or its "
    "control socket. Needed only when several run.",
)
_JSON = click.Option(["--json", "as_json"], is_flag=True, help="Write the answer as JSON.")


def _count(text: str) -> int | str:
    """How many workers: a number, or as text by how many more or fewer. Raises click.UsageError."""
    if re.fullmatch("[+-]?0*[1-9][0-9]{0,8}", text):
        return text if text[0] in "+-" else int(text)
    if text.startswith("-"):
        raise click.NoSuchOption(text)
    hint = "write N from 1, or +N or -N for so many more or fewer"
    raise click.BadParameter(f'"{text}" is not a number of workers; {hint}.')


_ARGUMENTS: dict[str, list[click.Parameter]] = {
    "scale": [click.Argument(["workers"], metavar="N|+N|-N", type=_count)],
    "stop": [
        click.Option(
            ["--wait/--no-wait"], default=True, help="Return when the server has ended. [true]"
        )
    ],
    "logs": [
        click.Option(["--follow", "-f"], is_flag=True, help="Show what comes, too."),
        click.Option(
            ["--lines", "-n"],
            type=click.IntRange(min=0),
            metavar="N",
            help="How many of the last lines. [all that are kept, 1000]",
        ),
    ],
    "stacks": [click.Argument(["pid"], metavar="[PID]", required=False, type=int)],
}
"""What a command takes besides the options of all; by this name it goes into the request."""


_OF_ADDRESSES = frozenset({"--bind", "-b", "--host", "--port", "-p", "--uds"})
"""Options that say where a server listens, when it is started."""

_CHANGING = frozenset({"stop", "reload", "scale"})
"""Commands that are for a server of the current directory, unless one is named."""

_LAST_STEPS = 10.0
"""Seconds that a process may take from its last answer to its end."""


def main(command: str, arguments: Sequence[str]) -> int:
    """Ask, show what comes, and return the exit code. Raises ControlError and ConfigError."""
    typed = read(command_of(command), arguments, partial(_surplus, command))
    which, as_json = typed.pop("control"), typed.pop("as_json")
    configured = None if which else _configured_socket()
    path = choose(which, configured, here=command in _CHANGING)
    for answer in ask(path, {"command": command, **typed}):
        if answer.get("done"):
            return _conclude(command, answer, as_json)
        # Only the answer itself goes to stdout when a program reads it.
        file = sys.stderr if as_json and command != "logs" else sys.stdout
        print(printable(str(answer.get("text", ""))), file=file, flush=True)
    raise AssertionError("ask() ends with an answer that is done, or raises")


def _surplus(command: str, word: str) -> str:
    text, which = f'"{word}" is one word too many', word
    if word.startswith("-"):
        text, which = f"No such option '{word}'", "PID"
    hint = f"; to name the server, write tricorn {command} --control {which}"
    if word.startswith("-") and word not in _OF_ADDRESSES:
        flags = (flag[2:] for one in command_of(command).params for flag in one.opts)
        hint = did_you_mean(word.lstrip("-"), flags, "--")
    return f"""{text}{hint}{"" if hint.endswith("?") else "."} Try "tricorn {command} --help"."""


def command_of(name: str) -> click.Command:
    """How one is written."""
    parameters = [*_ARGUMENTS.get(name, []), _CONTROL, _JSON]
    # "scale -1" looks like an option to click, which would refuse it.
    context = {**CONTEXT, "ignore_unknown_options": name == "scale"}
    return click.Command(
        f"tricorn {name}", help=CONTROL[name], params=parameters, context_settings=context
    )


def _configured_socket() -> str | None:
    """The path that the configuration of the current directory names, if any.

    A mistake in it is no reason not to ask: the very reload that found it may be asked about.
    """
    from tricorn.config import Config

    try:
        setting = Config.load(files=False).operations.control_socket
    except ConfigError:
        setting = os.environ.get("TRICORN_CONTROL_SOCKET") or "auto"
    return setting if setting not in ("auto", "off") and Path(setting).exists() else None


def _wait_for_end(pid: int) -> None:
    """Until a process that is about to end has ended."""
    with suppress(OSError, AttributeError):  # it has; or this system knows no such descriptors
        poll = select.poll()  # select(2) knows only the first 1024 descriptors
        poll.register(os.pidfd_open(pid), select.POLLIN)
        poll.poll(1000 * _LAST_STEPS)


def _conclude(command: str, answer: dict[str, Any], as_json: bool) -> int:
    data = answer.get("data") or {}
    if data.get("stopped"):
        _wait_for_end(int(data["pid"]))
    error = data.get("error")
    if as_json:
        print(json.dumps(data, indent=2))
    elif command == "logs" and "lines" in data:
        for line in data["lines"]:
            print(printable(str(line)))
    elif text := render({key: value for key, value in data.items() if key != "error"}):
        print(text)
    if error and not as_json:
        print(printable(f"tricorn: {error}"), file=sys.stderr)
    return int(answer.get("exit", 0))
