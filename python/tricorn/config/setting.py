"""How one setting is declared: a typed dataclass field that carries all that is known about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from tricorn.config.closest import did_you_mean
from tricorn.config.kinds import KINDS, Kind


class WrongValueError(ValueError):
    """A value that a setting does not take; ``args`` are the problems, each a whole sentence."""


class Declaration(TypedDict, total=False):
    """What a setting may say about itself besides its default."""

    help: str
    """One sentence for ``--help`` and the reference; always given."""
    flag: str
    """The long flag, from which the other names follow; without it, ``--`` and the field's name."""
    argument: bool
    """Whether it has a place of its own on the command line instead of its flag."""
    short: str
    """A one-letter flag that users of Gunicorn or Uvicorn know."""
    metavar: str
    """What stands for the value in help, where the kind's own word says too little."""
    least: float
    most: float
    choices: tuple[str, ...]
    meant: dict[str, str]
    """What others call a choice, and its name here."""
    check: Callable[[Any], object]
    """Called with each value or item; its ValueError's text follows the value in a sentence."""
    bare: str
    """The value meant by the flag without a value."""
    secret: bool
    """Whether its value is not to be shown."""
    negated: str
    """The value meant by ``--no-FLAG``, for a setting that is not true or false."""
    everyday: bool
    """Whether ``--help`` shows it, which has what most people need."""
    needs: str
    """What it does nothing without: another setting by its flat name, or a condition of
    ``config/idle.py``."""
    gunicorn: str
    """Its name among Gunicorn's settings."""
    uvicorn: str
    """Its name among Uvicorn's parameters."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, with its names in every source derived from its place and its flag."""

    section: str
    field: str
    kind: Kind
    default: Any
    declared: Declaration

    @property
    def flag(self) -> str:
        """The long flag on the command line, as ``--head-size``."""
        return self.declared.get("flag") or "--" + self.field.replace("_", "-")

    @property
    def name(self) -> str:
        """The keyword in Python, as ``head_size``; unique over all sections."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def typed(self) -> str:
        """What stands for it on the command line: its flag, or APP."""
        return self.metavar if self.declared.get("argument") else self.flag

    @property
    def env(self) -> str:
        """The environment variable, as ``TRICORN_HEAD_SIZE``."""
        return "TRICORN_" + self.name.upper()

    @property
    def key(self) -> str:
        """The key in a TOML file, as ``limits.head-size``."""
        return f"{self.section}.{self.field.replace('_', '-')}"

    @property
    def help(self) -> str:
        """What the setting does, for the help and the settings page."""
        return self.declared["help"]

    @property
    def metavar(self) -> str:
        """What stands for the value in the help."""
        choices = self.declared.get("choices")
        return "|".join(choices) if choices else self.declared.get("metavar", self.kind.metavar)

    def value(self, config: object) -> Any:
        """Its value in a configuration."""
        return getattr(getattr(config, self.section), self.field)

    def convert(self, raw: object) -> Any:
        """Turn what a source gave into the setting's value.

        Raises WrongValueError that says for each bad value what is wrong with it.
        """
        if isinstance(raw, str) and raw.lower() in self.declared.get("choices", ()):
            raw = raw.lower()
        if isinstance(raw, bool):  # where the flag without a value, or --no-FLAG, would stand
            raw = self.declared.get("bare" if raw else "negated", raw)
        try:
            value = self.kind.convert(raw)
        except ValueError as error:
            quoted = "the value" if self.declared.get("secret") else _quote(raw)
            raise WrongValueError(f"{quoted} {error}") from None
        if value is not None and (problems := tuple(self._problems(value, raw))):
            raise WrongValueError(*problems)
        return value

    def _problems(self, value: Any, raw: object) -> Iterator[str]:
        """What is wrong with a value of the right kind; with each item of a list."""
        items = ((item, item) for item in value) if self.kind.repeatable else ((value, raw),)
        for item, written in items:
            try:
                self._check(item)
            except ValueError as error:
                yield f"{_quote(written)} {error}"

    def _check(self, value: Any) -> None:
        least, most = self.declared.get("least"), self.declared.get("most")
        if least is not None and value < least:
            raise ValueError(f"is too small; the least is {self.show_bound(least)}")
        if most is not None and value > most:
            raise ValueError(f"is too large; the most is {self.show_bound(most)}")
        choices = self.declared.get("choices")
        if choices and value not in choices:
            meant = self.declared.get("meant", {}).get(str(value).lower())
            hint = f"; did you mean {meant}?" if meant else did_you_mean(str(value), choices)
            raise ValueError(f"is not one of {', '.join(choices)}{hint}")
        if check := self.declared.get("check"):
            check(value)

    def show(self, value: Any) -> str:
        """A value of it the way a user would write it, if others may see it."""
        return "(hidden)" if value and self.declared.get("secret") else self.kind.show(value)

    def show_bound(self, bound: float) -> str:
        """``least`` or ``most`` the way a user would write it."""
        return self.kind.show(bound if self.default is None else type(self.default)(bound))


def _quote(raw: object) -> str:
    if isinstance(raw, int) and raw.bit_length() > 100:
        return "the number"
    return f'"{raw}"' if isinstance(raw, str) else repr(raw)


def setting(default: object, **declared: Unpack[Declaration]) -> Any:
    """Declare one setting as the field of a section; the annotation names its kind."""
    return dataclasses.field(default=default, metadata={"declared": declared})


def settings_of(section: str, cls: type) -> tuple[Setting, ...]:
    """The settings a section class declares, in its order."""
    return tuple(
        Setting(
            section, field.name, KINDS[str(field.type)], field.default, field.metadata["declared"]
        )
        for field in dataclasses.fields(cls)
    )
