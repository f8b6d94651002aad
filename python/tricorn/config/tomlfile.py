"""The file source: which TOML file holds the settings, and on which line each key stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tricorn.config.catalogue import SECTIONS, SETTINGS
from tricorn.config.closest import did_you_mean
from tricorn.config.origin import Given, Mistake, Origin, Rank

OWN_FILE = "tricorn.toml"
PROJECT_FILE = "pyproject.toml"
_PROJECT_TABLE = ("tool", "tricorn")

_BY_KEY = {(item.section, item.field): item for item in SETTINGS}


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its name for messages, its text, and the table that holds our settings."""

    name: str
    text: str
    prefix: tuple[str, ...]
    table: dict[str, Any]

    def place(self, *keys: str) -> str:
        """A key's place for a message, as ``tricorn.toml:12 limits.head-size``."""
        line = _line_of(self.text, (*self.prefix, *keys))
        return f"{self.name}:{line} {'.'.join(keys)}" if line else f"{self.name} {'.'.join(keys)}"


def find(directory: Path, named: str | None) -> Document | Mistake | None:
    """The file that counts: the named one, else tricorn.toml, else a pyproject.toml of ours."""
    if named is not None:
        return _read(Path(named), named)
    if (directory / OWN_FILE).is_file():
        return _read(directory / OWN_FILE, OWN_FILE)
    project = directory / PROJECT_FILE
    # A broken pyproject.toml that never names us is not ours to complain about.
    try:
        if project.is_file() and b"tricorn" in project.read_bytes():
            return _read(project, PROJECT_FILE)
    except OSError as error:
        return Mistake(PROJECT_FILE, f"cannot be read: {error.strerror}")
    return None


def _read(path: Path, name: str) -> Document | Mistake:
    import tomllib

    if name.startswith("python:") or path.suffix == ".py":
        from tricorn.config.overlooked import application_in, in_file

        path = Path(name.removeprefix("file:"))
        if app := application_in(path):
            text = f"is an application, and not a file with settings; write tricorn {app}"
            return Mistake(name, text)
        text = "is Python, as Gunicorn's configuration is; settings are read from TOML"
        return Mistake(name, f"{text}{in_file(path)}")

    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        return Mistake(name, f"cannot be read: {error.strerror}")
    except ValueError as error:
        return Mistake(name, f"is not valid TOML: {error}")
    except RecursionError:
        return Mistake(name, "is not valid TOML for us: its tables or arrays are nested too deeply")
    prefix = _PROJECT_TABLE if path.name == PROJECT_FILE else ()
    for key in prefix:
        table = table.get(key, {})
        if not isinstance(table, dict):
            return Mistake(name, "tool.tricorn is a table of settings; write [tool.tricorn]")
    return Document(name, text, prefix, table)


def read_document(document: Document) -> Iterator[Given | Mistake]:
    """What a document gives: a value for each known key, a mistake for each other."""
    for section, content in document.table.items():
        if section not in SECTIONS:
            yield Mistake(document.place(section), _unknown_section(section))
        elif section == "app" and isinstance(content, str):
            place = partial(document.place, section)
            yield Given(_BY_KEY["app", "target"], content, Origin(Rank.FILE, place))
        elif not isinstance(content, dict):
            yield Mistake(document.place(section), f"is a table of settings; write [{section}]")
        else:
            yield from _read_section(document, section, content)


def _read_section(
    document: Document, section: str, content: dict[str, Any]
) -> Iterator[Given | Mistake]:
    seen: set[str] = set()
    for key, raw in content.items():
        place = partial(document.place, section, key)
        field = key.replace("-", "_")
        found = _BY_KEY.get((section, field))
        if found is None:
            yield Mistake(place(), _unknown_key(section, key))
        elif field in seen:
            yield Mistake(place(), "is given twice, once with - and once with _")
        else:
            seen.add(field)
            yield Given(found, raw, Origin(Rank.FILE, place))


def _unknown_section(name: str) -> str:
    for item in SETTINGS:
        if name.replace("-", "_") in (item.name, item.field):
            return f"is not a section; this setting is written {item.key}"
    if instead := _instead(name):
        return f"is not a section; {instead}"
    if name == _PROJECT_TABLE[0]:
        return f"is for {PROJECT_FILE}; in this file write [listen] and so on, without tool.tricorn"
    meant = did_you_mean(name, SECTIONS) or f"; write one of {', '.join(SECTIONS)}"
    return f"is not a section{meant}"


def _unknown_key(section: str, key: str) -> str:
    keys = [item.key.partition(".")[2] for item in SETTINGS if item.section == section]
    elsewhere = [item.key for item in SETTINGS if key.replace("-", "_") in (item.name, item.field)]
    if elsewhere:
        return f"is not a setting of [{section}]; did you mean {elsewhere[0]}?"
    if instead := _instead(key):
        return f"is not a setting of [{section}]; {instead}"
    return f"is not a setting of [{section}]{did_you_mean(key, keys)}"


def _instead(name: str) -> str:
    from tricorn.config.foreign import advice

    return advice(name, lambda setting: setting.key)


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """The line (from 1) of the statement that gives ``keys``, or None.

    tomllib keeps no positions. A statement that starts on a line is the one looked for when the
    text before that line is whole TOML without the key, and with the statement the key is there.
    """
    lines = text.splitlines(keepends=True)
    for start, line in enumerate(lines):
        if keys[-1] in line and _has("".join(lines[:start]), keys) is False:
            ends = range(start + 1, len(lines) + 1)
            whole = (_has("".join(lines[:end]), keys) for end in ends)
            if next((found for found in whole if found is not None), None):
                return start + 1
    return None


def _has(text: str, keys: tuple[str, ...]) -> bool | None:
    """Whether a text gives the key; None when it is not whole TOML."""
    import tomllib

    try:
        table: Any = tomllib.loads(text)
    except (ValueError, RecursionError):
        return None
    for key in keys:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True
