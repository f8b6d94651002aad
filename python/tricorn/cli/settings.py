"""From the command line to the configuration: what ``run`` and ``check`` have in common."""

from __future__ import annotations

from collections.abc import Sequence

from tricorn.cli.options import parse
from tricorn.config import Config
from tricorn.config.alone import check_alone
from tricorn.errors import ConfigError


def read_settings(program: str, summary: str, arguments: Sequence[str]) -> Config:
    """The configuration from all sources; it names an application, and each setting does something.

    Raises ConfigError, and SystemExit after ``--help`` or ``--version``.
    """
    command_line = parse(program, summary, arguments)
    config = Config.load(command_line.values, file=command_line.config)
    check_alone(config)
    if config.app.target is None:
        raise ConfigError(
            f"no application given. Name it as module:attribute: {program} main:app, "
            "or as app.target in tricorn.toml"
        )
    return config
