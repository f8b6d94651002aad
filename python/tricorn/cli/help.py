"""``tricorn help …``: of a command, of one option, or of all."""

from __future__ import annotations

from collections.abc import Callable

import click

from tricorn.cli.commands import CHECK, CONTROL
from tricorn.cli.mistyped import no_command
from tricorn.cli.options import record
from tricorn.config.catalogue import BY_NAME, SETTINGS
from tricorn.config.closest import did_you_mean
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError


def main(about: list[str], dispatch: Callable[[list[str]], int]) -> int:
    """Show it, and return the exit code; ``dispatch`` runs a command. Raises ConfigError."""
    if not about:
        return dispatch(["--help"])
    if about == ["all"]:
        return dispatch(["--help-all"])
    word = about[0]
    if word == CHECK or word in CONTROL:
        return dispatch([word, "--help"])
    if setting := _setting(word):
        click.echo(_described(setting))
        return 0
    if word.startswith("-"):
        hint = did_you_mean(word.lstrip("-"), (one.flag[2:] for one in SETTINGS), "--")
        raise ConfigError(f'"{word}" is no option{hint}')
    raise ConfigError(no_command([word]) or f'"{word}" is no command')


def _setting(word: str) -> Setting | None:
    """The setting of an option, with its dashes or without."""
    short = (one for one in SETTINGS if one.declared.get("short") == word)
    return next(short, None) or BY_NAME.get(word.lower().lstrip("-").replace("-", "_"))


def _described(setting: Setting) -> str:
    formatter = click.HelpFormatter()
    formatter.write_dl([record(setting)])
    elsewhere = f"{setting.env} in the environment, {setting.key} in tricorn.toml"
    return f"{formatter.getvalue()}\nAlso: {elsewhere}"
