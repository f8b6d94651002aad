"""The stub of the native module names what the module has; `make lint` compares more."""

from __future__ import annotations

import ast

from tests.house.sources import tree
from tests.kit.process import ROOT
from tricorn import _core

STUB = tree(ROOT / "python" / "tricorn" / "_core.pyi")
ALWAYS = {"__new__", "__iter__", "__next__", "__call__"}


def declared(node: ast.Module | ast.ClassDef) -> set[str]:
    """The names that a module or a class of the stub declares."""
    names: set[str] = set()
    for one in node.body:
        if isinstance(one, ast.FunctionDef | ast.ClassDef):
            names.add(one.name)
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            names.add(one.target.id)
    return names


def test_module() -> None:
    names = {name for name in declared(STUB) if not name.startswith("_")}
    assert names == set(_core.__all__)


def test_classes() -> None:
    for one in STUB.body:
        if isinstance(one, ast.ClassDef) and not one.bases:
            members = {name for name in vars(getattr(_core, one.name)) if not name.startswith("__")}
            assert {name for name in declared(one) if name not in ALWAYS} == members, one.name
