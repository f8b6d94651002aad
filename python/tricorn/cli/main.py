"""The entry of the ``tricorn`` command: picks what to do, and ends with a message and an exit code.

Nothing slow is imported before it is known to be needed: the time to the first answer counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from tricorn.cli.commands import CHECK, CONTROL, HELP
from tricorn.errors import TricornError, scarcity
from tricorn.logs.streams import leave_streams, open_streams, say

COMPLETE = "_TRICORN_COMPLETE"
"""What the completion of a shell sets; click calls it after the command."""

INTERRUPTED = 130
"""128 + SIGINT, as a shell reports it: Ctrl-C before the server took it as a wish to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    0 success, 1 the application or an address is wrong, 2 the usage or a setting is wrong,
    3 the application's start-up failed or no running server could be asked, 130 interrupted
    while starting.
    """
    open_streams()
    try:
        if instruction := os.environ.get(COMPLETE):
            from tricorn.cli.completion import complete

            return complete(COMPLETE, instruction)
        return _dispatch(list(sys.argv[1:] if arguments is None else arguments))
    except TricornError as error:
        say(f"tricorn: {error}")
        return error.exit_code
    except Exception as error:
        if not (text := scarcity(error)):
            raise
        say(f"tricorn: {text}")
        return TricornError.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        leave_streams()


def _dispatch(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command == HELP:
        from tricorn.cli import help

        return _shown(partial(help.main, arguments[1:], _dispatch))
    if command == CHECK:
        from tricorn.cli import check

        return _shown(partial(check.main, arguments[1:]))
    if command in CONTROL:
        from tricorn.cli import control

        return _shown(partial(control.main, command, arguments[1:]))
    from tricorn.cli import run

    return run.main(arguments)


def _shown(command: Callable[[], int]) -> int:
    """Run a command whose output has a reader. That may have had enough, as head(1)."""
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is left at the end
        return 0
    return code
