"""Every file opens with what it is responsible for; everything public says what it does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import files, shown, tree

PYTHON = files(".py", ".pyi")
PUBLIC = files(".py", under="python/tricorn")


@pytest.mark.parametrize("path", PYTHON, ids=shown)
def test_python_files(path: Path) -> None:
    docstring = ast.get_docstring(tree(path)) or ""
    first = docstring.partition("\n\n")[0]
    assert first, "it has no docstring"
    assert first.endswith((".", ":", "?")), f"its first sentence does not end: {first!r}"


@pytest.mark.parametrize("path", files(".rs"), ids=shown)
def test_rust_files(path: Path) -> None:
    assert path.read_text("utf-8").startswith("//! ")


@pytest.mark.parametrize("path", files(".sh", under="tools") + files("", under=".ci"), ids=shown)
def test_scripts(path: Path) -> None:
    first, second, *_ = path.read_text("utf-8").splitlines()
    assert first.startswith("#!/")
    assert second.startswith("# ")


def undocumented(node: ast.AST) -> Iterator[str]:
    """The public functions and classes in a module or class that have no docstring."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for child in ast.iter_child_nodes(node):
        if isinstance(child, kinds) and not child.name.startswith("_"):
            if ast.get_docstring(child) is None and not overrides(node, child):
                yield child.name
            if isinstance(child, ast.ClassDef):
                yield from (f"{child.name}.{name}" for name in undocumented(child))


def overrides(outer: ast.AST, inner: ast.AST) -> bool:
    """Whether a method may be one of a base class, which says what it does."""
    return (
        isinstance(outer, ast.ClassDef)
        and bool(outer.bases)
        and not isinstance(inner, ast.ClassDef)
    )


@pytest.mark.parametrize("path", PUBLIC, ids=shown)
def test_public_names(path: Path) -> None:
    assert list(undocumented(tree(path))) == []
