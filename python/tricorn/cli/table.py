"""A server's answer as text for people: names with values, tables, and whole paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SECONDS = frozenset({"age", "uptime", "beat", "ago"})
_BYTES = frozenset({"memory", "pss", "rss"})


def render(data: Mapping[str, Any]) -> str:
    """The text of an answer's data, without a newline at its end.

    Single values stand in two columns; a list of objects becomes a table with a column for each
    key; text of several lines and nested objects stand below their names.
    """
    single = {key: _show(key, value) for key, value in data.items()}
    short = {key: text for key, text in single.items() if text is not None and "\n" not in text}
    parts = ["\n".join(_columns([(_title(key), text) for key, text in short.items()]))]
    parts += [_block(key, value) for key, value in data.items() if key not in short]
    return "\n\n".join(part for part in parts if part)


def _block(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        body = render(value)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        body = _items(value)
    else:
        body = printable(str(value)).rstrip("\n")
    return f"{_title(key)}\n{_indent(body)}"


def _items(values: Sequence[Any]) -> str:
    if not all(isinstance(value, Mapping) for value in values):
        return "\n".join(printable(str(value)) for value in values)
    if all(_is_row(value) for value in values):
        return "\n".join(_table(values))
    return "\n\n".join(render(value) for value in values)


def _is_row(value: Mapping[str, Any]) -> bool:
    shown = (_show(key, one) for key, one in value.items())
    return all(text is not None and "\n" not in text for text in shown)


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[(_show(key, row[key]) or "") if key in row else "" for key in keys] for row in rows]
    return _columns([[_title(key) for key in keys], *cells])


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _show(key: str, value: Any) -> str | None:
    """A single value as text; None for what needs more than a cell."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(key, value)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        text = ", ".join(map(printable, value))
        return text if len(text) < 80 and "\n" not in text else None
    return None


def _number(key: str, value: float) -> str:
    if key in _SECONDS:
        return _duration(value)
    if key in _BYTES:
        return f"{value / 1024 / 1024:.1f} MiB"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (left, "s"))
    return " ".join([f"{count}{unit}" for count, unit in parts if count][:2])


def _title(key: str) -> str:
    return printable(key.replace("_", " ")).replace("\n", " ")


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def printable(text: str) -> str:
    """The text without what moves the cursor of whoever looks, or turns the words around.

    A path of a request may be in it, or what another user's server says.
    """
    return "".join(one if one.isprintable() or one in "\n\t" else "?" for one in text)
