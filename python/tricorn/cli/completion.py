"""What a shell completes on ``tricorn …``: click's own machinery, over the commands and options."""

from __future__ import annotations

import click
from click.shell_completion import shell_complete

from tricorn.cli.commands import CHECK, COMMANDS, CONTROL, HELP
from tricorn.cli.control import command_of
from tricorn.cli.options import APP, options
from tricorn.errors import ConfigError

_SHELLS = "bash_source, zsh_source or fish_source"


def complete(variable: str, instruction: str) -> int:
    """Write the script for a shell, or what that script asks for; returns the exit code.

    ``instruction`` is what the variable says, as ``bash_source``. Raises ConfigError for what is no
    instruction.
    """
    if shell_complete(_tree(), {}, "tricorn", variable, instruction):
        raise ConfigError(f'{variable}: "{instruction}" is not one of {_SHELLS}')
    return 0


def _tree() -> click.Group:
    """All that can be typed. APP is left out, so that the first word may name a command."""
    commands = {name: command_of(name) for name in CONTROL}
    commands[CHECK] = click.Command(CHECK, help=COMMANDS[CHECK], params=[APP, *options()])
    commands[HELP] = click.Command(HELP, help=COMMANDS[HELP])
    return click.Group("tricorn", commands=commands, params=options())
