"""Options that do not exist, all at once, each with what may be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import click

from tricorn.config.closest import did_you_mean
from tricorn.errors import ConfigError


def check_options(
    command: click.Command, arguments: Sequence[str], more: Callable[[], str]
) -> None:
    """Raise ConfigError that lists every option the command does not have, and says ``more``."""
    unknown = dict.fromkeys(_unknown(command, arguments))
    if unknown:
        count = "1 option is" if len(unknown) == 1 else f"{len(unknown)} options are"
        known = [flag[2:] for flag in _takes_value(command) if flag.startswith("--")]
        lines = (f"  {flag}: is not an option{_hint(flag, known)}" for flag in unknown)
        text = "\n".join(filter(None, [f"{count} not known", *lines, more()]))
        raise ConfigError(f'{text}\nTry "{command.name} --help".')


def _unknown(command: click.Command, arguments: Sequence[str]) -> Iterator[str]:
    takes_value = _takes_value(command)
    words = iter(arguments)
    for word in words:
        if word == "--":
            return
        if not word.startswith("-") or word == "-":
            continue
        flag, equals, _ = word.partition("=")
        if not word.startswith("--"):
            flag, equals = word[:2], word[2:]
        if flag not in takes_value:
            yield flag
        elif takes_value[flag] and not equals:
            next(words, None)


def _takes_value(command: click.Command) -> dict[str, bool]:
    """The flags of a command, and whether each is followed by a value."""
    return {
        flag: not option.is_flag
        for option in command.get_params(click.Context(command, **command.context_settings))
        if isinstance(option, click.Option)
        for flag in (*option.opts, *option.secondary_opts)
    }


def _hint(flag: str, known: Sequence[str]) -> str:
    from tricorn.config.foreign import advice

    instead = advice(flag)
    return f"; {instead}" if instead else did_you_mean(flag[2:], known, "--")
