"""Imports only go down: cli, then supervisor or worker, then logs, metrics and net, then config."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import files, shown, tree

LAYERS = (
    {"errors", "version"},
    {"config"},
    {"logs", "metrics", "net"},
    {"supervisor", "worker"},
    {"cli"},
)
"""From the lowest up. Parts of one layer do not know each other."""

NATIVE = {"config", "supervisor", "worker"}
"""The parts that may import the native module."""

FRONT = {"__init__", "__main__"}
"""The package's own modules see everything."""

SEES_BOTH = "python/tricorn/cli/run.py"
"""The one file that may import the supervisor and the worker."""

RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
MODULES = files(".py", under="python/tricorn")


def part_of(path: Path) -> str:
    """The part of the package a file belongs to: its directory there, or the module itself."""
    inside = shown(path).removeprefix("python/tricorn/")
    return inside.partition("/")[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """The parts of our package that a file imports, anywhere in it, for types too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "tricorn":
                yield [*name.split("."), "__init__"][1]


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_go_down(path: Path) -> None:
    mine = part_of(path)
    if mine in FRONT:
        return
    assert mine in RANK, f"{shown(path)}: name the layer of {mine} in {shown(Path(__file__))}"
    for part in imports(path):
        if part == "_core":
            assert mine in NATIVE, f"{shown(path)} imports the native module"
        else:
            allowed = part == mine or RANK[part] < RANK[mine]
            assert allowed, f"{shown(path)} ({mine}) imports {part}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_only_one_file_sees_supervisor_and_worker(path: Path) -> None:
    if shown(path) != SEES_BOTH:
        assert not {"supervisor", "worker"} <= set(imports(path))


def test_the_rules_can_fail(tmp_path: Path) -> None:
    """The check sees imports inside functions, of modules and of the package itself."""
    module = tmp_path / "module.py"
    module.write_text(
        "def f():\n    import tricorn.cli.run\n    from tricorn import worker, errors\n"
    )
    assert list(imports(module)) == ["cli", "worker", "errors"]
