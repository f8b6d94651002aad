"""Options that do not exist: all are told at once, each with what may be meant."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import click

from tricorn.config.closest import did_you_mean
from tricorn.errors import ConfigError


def check_options(
    command: click.Command, arguments: Sequence[str], more: Callable[[], str]
) -> None:
    """Raise ConfigError that lists every option the command does not have, and says ``more``.

    If these are options of other commands, what is said of the command is enough.
    """
    unknown = dict(_unknown(command, arguments))
    if unknown:
        about = more()
        if about and _of_commands().issuperset(unknown):
            raise ConfigError(about)
        count = "1 option is" if len(unknown) == 1 else f"{len(unknown)} options are"
        known = [flag[2:] for flag in _takes_value(command) if flag.startswith("--")]
        lines = (
            f"  {flag}: is not an option{_hint(flag, value, known)}"
            for flag, value in unknown.items()
        )
        text = "\n".join(filter(None, [f"{count} not known", *lines, about and f"  {about}"]))
        raise ConfigError(f'{text}\nTry "{command.name} --help".')


def corrected(command: click.Command, arguments: Sequence[str]) -> list[str]:
    """The arguments with our options for those of other servers, up to one that has none here."""
    from tricorn.config.foreign_values import advice_with

    unknown = dict(_unknown(command, arguments))
    words, left = list[str](), list(arguments)
    while left:
        word = left.pop(0)
        flag = _flag(word)
        if flag not in unknown:
            words.append(word)
            continue
        instead = advice_with(flag, value := unknown[flag])
        ours = _written(instead)
        if not ours and not instead.startswith("leave it out"):
            break
        words += ours
        # A word with a colon that our option does not take is APP, behind a flag without a value.
        if value and left[:1] == [value] and len(ours) != 1 and (value in ours or ":" not in value):
            left.pop(0)
    return words


def _written(instead: str) -> list[str]:
    """The words of a piece of advice that is nothing but an option of ours with its value."""
    is_plain = instead.startswith("write --") and not any(
        one in instead for one in (",", ";", " and ")
    )
    return shlex.split(instead)[1:] if is_plain else []


def _of_commands() -> set[str]:
    """The options of the commands that ask a running server."""
    from tricorn.cli.commands import CONTROL
    from tricorn.cli.control import command_of

    return {flag for name in CONTROL for flag in _takes_value(command_of(name))}


def _unknown(command: click.Command, arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each option that there is not, and what may be its value."""
    takes_value = _takes_value(command)
    words = iter(zip_longest(arguments, arguments[1:]))
    for word, following in words:
        if word == "--":
            return
        if not word.startswith("-") or word == "-":
            continue
        flag = _flag(word)
        attached = word[len(flag) :]
        if flag not in takes_value:
            yield flag, attached.removeprefix("=") if attached else _value(following)
        elif takes_value[flag] and not attached:
            next(words, None)


def _flag(word: str) -> str:
    """The option of a word that may have its value attached: ``--port=1``, ``-p1``."""
    return word.partition("=")[0] if word.startswith("--") else word[:2]


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
