"""From the command line to the configuration: what ``run`` and ``check`` have in common."""

from __future__ import annotations

from collections.abc import Sequence

from tricorn.cli.options import parse
from tricorn.config import Config
from tricorn.config.idle import tell_idle
from tricorn.errors import ConfigError


def read_settings(program: str, summary: str, arguments: Sequence[str]) -> Config:
    """The configuration from all sources; it names an application, and each setting does something.

    Raises ConfigError, and SystemExit after ``--help`` or ``--version``.
    """
    command_line = parse(program, summary, arguments)
    config = tell_idle(Config.load(command_line.values, file=command_line.config))
    if config.app.target is None:
        raise ConfigError(
            f"no application given. Name it as module:attribute: {program} main:app, "
            "or as app.target in tricorn.toml"
        )
    return config
