"""The kinds of value a setting can have: how each is read from text or TOML, and how it is shown.

A kind never looks at ranges or choices; those belong to the setting (``setting.py``). Every
``convert`` raises :class:`ValueError` with a sentence that says what would be accepted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

Seconds: TypeAlias = float
"""A duration in seconds. Written ``30``, ``0.5``, ``"500ms"``, ``"2m"`` or ``"1h"``."""

Size: TypeAlias = int
"""A number of bytes. Written ``65536``, ``"64KiB"``, ``"1MB"`` or ``"4k"``."""

Words: TypeAlias = tuple[str, ...]
"""Words, separated by commas wherever they are given; none for an empty text."""

Mode: TypeAlias = int
"""The permission bits of a file. Written in octal: ``660`` or ``"0o660"``."""


class Workers(NamedTuple):
    """How many processes, at the least and at the most; 0 for as many as there are processors.

    Written ``4``, ``auto``, or ``2..8`` and ``2..auto`` for a number that follows the load.
    """

    least: int
    most: int

    @property
    def is_range(self) -> bool:
        """Whether the number follows the load."""
        return self.least != self.most


MOST_WORKERS = 512
"""More than any machine runs; a typing error should not take all memory."""

KiB = 1024
MiB = 1024 * KiB

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h)?")
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

_SIZE = re.compile(r"(\d{1,100})\s*([kmg]?)(i?)(b?)", re.IGNORECASE)
_SIZE_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}

_LONGEST_WAIT = 365 * 24 * 3600.0
_LARGEST_INT = 2**31 - 1  # of the kernel's and the core's numbers
_LARGEST_SIZE = 2**53  # what a 64-bit float, and so JSON, still holds exactly

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value.

    ``metavar`` stands for the value in help, ``convert`` takes what a source gave (text, or a
    TOML or Python value) and ``show`` writes a value the way a user would.
    """

    name: str
    metavar: str
    convert: Callable[[object], object]
    show: Callable[[object], str]
    repeatable: bool = False


def _to_int(raw: object) -> int:
    if isinstance(raw, str) and re.fullmatch(r"[+-]?[0-9]{1,100}", raw.strip()):
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise ValueError("is not a whole number")
    if abs(raw) > _LARGEST_INT:
        raise ValueError(f"is too large; the most is {_LARGEST_INT}")
    return raw


def _to_workers(raw: object) -> Workers:
    if isinstance(raw, Workers):
        return raw
    least, dots, most = str(raw).partition("..")
    workers = Workers(_to_count(least), _to_count(most if dots else least))
    if dots and 0 < workers.most < max(workers.least, 1):
        raise ValueError("ends below its beginning; write it as 2..8")
    return workers


def _to_count(text: str) -> int:
    if text.strip().lower() == "auto":
        return 0
    if not re.fullmatch(r"\s*0*[1-9][0-9]*\s*", text):
        raise ValueError("is not a number of workers; write 1 or more, auto, or a range as 2..8")
    if int(text) > MOST_WORKERS:
        raise ValueError(f"is too large; the most is {MOST_WORKERS}")
    return int(text)


def _to_seconds(raw: object) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if 0 <= raw < math.inf:
            return _bounded(raw)
    elif isinstance(raw, str) and (match := _DURATION.fullmatch(raw.strip().lower())):
        return _bounded(float(match[1]) * _DURATION_UNITS[match[2] or "s"])
    raise ValueError(
        'is not a duration; write seconds, or a number with a unit: "500ms", "2m", "1h"'
    )


def _bounded(seconds: float) -> float:
    # The core's clocks overflow somewhere; nobody means to wait as long as this.
    if seconds > _LONGEST_WAIT:
        raise ValueError("is too large; the most is 8760h, a year")
    return float(seconds)


def _to_size(raw: object) -> int:
    size = _any_size(raw)
    if size > _LARGEST_SIZE:
        raise ValueError("is too large; the most is 8388608g")
    return size


def _any_size(raw: object) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        return raw
    if isinstance(raw, str) and (match := _SIZE.fullmatch(raw.strip())):
        number, power, binary, byte = match.groups()
        if power or not binary:
            factor: int = _size_base(binary, byte) ** _SIZE_POWERS[power.lower()]
            return int(number) * factor
    raise ValueError('is not a size; write bytes, or a number with a unit: "64KiB", "1MB", "4k"')


def _size_base(binary: str, byte: str) -> int:
    # KB is decimal and KiB binary (IEC 80000-13); a lone letter is binary, as in nginx.
    return 1000 if byte and not binary else 1024


def _to_flag(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str):
        word = raw.strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
    raise ValueError("is not a yes or no; write true or false")


def _to_text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("is not text")
    if "\0" in raw:
        raise ValueError("has a NUL byte")
    return raw


def is_number(text: str) -> bool:
    """Whether a user or a group is written as its number: ``str.isdigit`` takes "²" too."""
    return text.isascii() and text.isdigit()


def check_utf8(text: str) -> None:
    """For what goes to clients or into logs. Raises ValueError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8") from None


def _to_texts(raw: object) -> tuple[str, ...]:
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.split(",")]
    if isinstance(raw, list | tuple) and all(isinstance(part, str) and part for part in raw):
        return tuple(raw)
    raise ValueError("is not a list of texts, none of them empty")


def _to_words(raw: object) -> tuple[str, ...]:
    parts = [raw] if isinstance(raw, str) else raw
    if isinstance(parts, list | tuple) and all(isinstance(part, str) for part in parts):
        words = (word.strip() for part in parts for word in part.split(","))
        return tuple(word for word in words if word)
    raise ValueError("is not a list of texts")


def _to_mode(raw: object) -> int:
    # A TOML integer is taken as the number it is: 0o660 and 432 are the same mode.
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= 0o777:
        return raw
    if isinstance(raw, str) and re.fullmatch(r"0|0o[0-7]{1,4}|[0-7]{3,4}", raw.strip()):
        mode = int(raw, 8)
        if mode <= 0o777:
            return mode
    raise ValueError("is not a file mode; write three octal digits, as 660")


def _show_seconds(value: object) -> str:
    assert isinstance(value, float)
    if value and value < 1:
        return f"{value * 1000:g}ms"
    return f"{value:g}s"


def _show_size(value: object) -> str:
    assert isinstance(value, int)
    for unit, factor in (("MiB", MiB), ("KiB", KiB)):
        if value and value % factor == 0:
            return f"{value // factor}{unit}"
    return str(value)


def _show_workers(value: object) -> str:
    assert isinstance(value, Workers)
    least, most = (str(count or "auto") for count in value)
    return f"{least}..{most}" if value.is_range else least


def _show_flag(value: object) -> str:
    return "true" if value else "false"


def _show_texts(value: object) -> str:
    assert isinstance(value, tuple)
    return ", ".join(value) or "none"


def _show_mode(value: object) -> str:
    assert isinstance(value, int)
    return f"{value:03o}"


def _or_none(kind: Kind) -> Kind:
    """The same kind, for a setting that may be left unset."""

    def convert(raw: object) -> object:
        return None if raw is None else kind.convert(raw)

    def show(value: object) -> str:
        return "none" if value is None else kind.show(value)

    return Kind(kind.name, kind.metavar, convert, show)


_INT = Kind("whole number", "N", _to_int, str)
_WORKERS = Kind("number, auto, or a range", "N|auto|MIN..MAX", _to_workers, _show_workers)
_SECONDS = Kind("duration", "TIME", _to_seconds, _show_seconds)
_SIZE_KIND = Kind("size", "SIZE", _to_size, _show_size)
_FLAG = Kind("true or false", "", _to_flag, _show_flag)
_TEXT = Kind("text", "TEXT", _to_text, lambda value: str(value) or '""')
_TEXTS = Kind("list of texts", "TEXT", _to_texts, _show_texts, repeatable=True)
_WORDS = Kind("list of texts", "TEXT", _to_words, _show_texts, repeatable=True)
_MODE = Kind("file mode", "MODE", _to_mode, _show_mode)

KINDS = {
    "int": _INT,
    "int | None": _or_none(_INT),
    "Workers | None": _or_none(_WORKERS),
    "Seconds": _SECONDS,
    "Size": _SIZE_KIND,
    "bool": _FLAG,
    "str": _TEXT,
    "str | None": _or_none(_TEXT),
    "tuple[str, ...]": _TEXTS,
    "Words": _WORDS,
    "Mode | None": _or_none(_MODE),
}
"""The kind for each annotation that a section's field may carry."""
