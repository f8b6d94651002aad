"""Options that do not exist, all at once, each with what may be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import click

from tricorn.config.closest import did_you_mean
from tricorn.errors import ConfigError


def check_options(
    command: click.Command, arguments: Sequence[str], more: Callable[[], str]
) -> None:
    """Raise ConfigError that lists every option the command does not have, and says ``more``."""
    unknown = dict(_unknown(command, arguments))
    if unknown:
        count = "1 option is" if len(unknown) == 1 else f"{len(unknown)} options are"
        known = [flag[2:] for flag in _takes_value(command) if flag.startswith("--")]
        lines = (
            f"  {flag}: is not an option{_hint(flag, value, known)}"
            for flag, value in unknown.items()
        )
        text = "\n".join(filter(None, [f"{count} not known", *lines, more()]))
        raise ConfigError(f'{text}\nTry "{command.name} --help".')


def _unknown(command: click.Command, arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each option that there is not, and what may be its value."""
    takes_value = _takes_value(command)
    words = iter(zip_longest(arguments, arguments[1:]))
    for word, following in words:
        if word == "--":
            return
        if not word.startswith("-") or word == "-":
            continue
        flag, equals, value = word.partition("=")
        if not word.startswith("--"):
            flag, equals, value = word[:2], word[2:], word[2:]
        if flag not in takes_value:
            yield flag, value if equals else _value(following)
        elif takes_value[flag] and not equals:
            next(words, None)


def _value(word: str | None) -> str | None:
    """A word that may be the value of what stands before it."""
    return None if word is None or (word.startswith("-") and word != "-") else word


def _takes_value(command: click.Command) -> dict[str, bool]:
    """The flags of a command, and whether each is followed by a value."""
    return {
        flag: not option.is_flag
        for option in command.get_params(click.Context(command, **command.context_settings))
        if isinstance(option, click.Option)
        for flag in (*option.opts, *option.secondary_opts)
    }


def _hint(flag: str, value: str | None, known: Sequence[str]) -> str:
    from tricorn.config.foreign_values import advice_with

    instead = advice_with(flag, value)
    return f"; {instead}" if instead else did_you_mean(flag[2:], known, "--")
