"""The words between the supervisor and the process that watches files: an order in, lines out.

A line is one JSON object with one key: ``{"watching": N}`` once, when N directories are watched;
``{"changes": [[kind, path], ...]}`` for each burst; ``{"error": text}`` before the process ends.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One file that changed; ``kind`` is ``added``, ``modified`` or ``deleted``.

    ``path`` is relative to the current directory where it is below that, else absolute.
    """

    kind: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOrder:
    """What to watch: absolute ``roots`` and the settings of the same names; ``delay`` in seconds.

    With ``poll``, the tree is looked at regularly, since the kernel would not tell of changes.
    """

    roots: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    extra_files: tuple[str, ...]
    gitignore: bool
    delay: float
    poll: bool

    def encode(self) -> str:
        """The order as one argument of a command."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def decode(cls, text: str) -> WatchOrder:
        """The order that :meth:`encode` wrote."""
        fields: dict[str, Any] = json.loads(text)
        for name, value in fields.items():
            fields[name] = tuple(value) if isinstance(value, list) else value
        return cls(**fields)


def encode_changes(changes: Iterable[Change]) -> Line:
    """The line for one burst."""
    return {"changes": [[change.kind, change.path] for change in changes]}


def decode_changes(line: Line) -> list[Change]:
    """The changes of a line; none in one of another kind."""
    return [Change(kind, path) for kind, path in line.get("changes", ())]
