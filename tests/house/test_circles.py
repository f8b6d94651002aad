"""Folders of a crate do not know each other in a circle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import code, files, rust, shown

CIRCLES = {
    # Rooms whose functions are methods of `Net` (ARCHITECTURE, "The rooms of the reactor").
    "net": [
        {"answers", "exchange", "listen", "mux", "observe", "reactor", "settings", "websocket"}
    ],
    # The C types of `receive` and `send` call what they stand for.
    "core": [{"asgi", "py", "settings"}],
    "http2": [{"seen", "text"}],
}
"""Those that there are, by crate: they only become fewer and smaller."""

USED = re.compile(r"\bcrate::(?P<path>\{[^;]*\}|\w+)")
SHOWN = re.compile(r"^pub use self::(?P<folder>\w+)::(?P<rest>[^;]*);", re.MULTILINE)

CRATES = sorted({shown(path).split("/")[1] for path in files(".rs", under="crates")})


def folder(path: Path) -> str:
    """The folder or file directly below ``src``."""
    return shown(path).split("/")[3].removesuffix(".rs")


def uses(crate: str) -> dict[str, set[str]]:
    """Which folder uses which others."""
    paths = [path for path in files(".rs", under=f"crates/{crate}") if "/src/" in shown(path)]
    folders = {folder(path) for path in paths}
    names = dict(shown_names(crate, paths))
    found: dict[str, set[str]] = {name: set() for name in folders}
    for path in paths:
        for match in USED.finditer(code(rust(path))):
            for word in re.findall(r"\w+", match["path"]):
                found[folder(path)] |= {names.get(word, word)} & folders
    return {name: others - {name} for name, others in found.items()}


def shown_names(crate: str, paths: list[Path]) -> Iterator[tuple[str, str]]:
    """The names that the crate's first file shows, each with the folder that it comes from."""
    for path in paths:
        if shown(path) == f"crates/{crate}/src/lib.rs":
            for match in SHOWN.finditer(rust(path)):
                for name in re.findall(r"\w+", match["rest"]):
                    yield name, match["folder"]


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of more than one that all reach each other."""
    reached = {name: reach(graph, name) for name in graph}
    groups = {
        frozenset({name} | {one for one in reached[name] if name in reached[one]}) for name in graph
    }
    return [set(group) for group in groups if len(group) > 1]


def reach(graph: dict[str, set[str]], start: str) -> set[str]:
    """Everything that is used from there, near or far."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        for name in graph[todo.pop()] - seen:
            seen.add(name)
            todo.append(name)
    return seen


@pytest.mark.parametrize("crate", CRATES)
def test_no_circle(crate: str) -> None:
    """What is in the table is there, and nothing else."""
    assert circles(uses(crate)) == CIRCLES.get(crate, [])


def test_circles_are_found() -> None:
    """A check that finds nothing is a defect."""
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
