"""One word for one thing: names that mean the same as a word of ours, or nothing, are not used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import code, files, rust, shown, tree

INSTEAD = {
    "arbiter": "supervisor",
    "master": "supervisor",
    "slave": "worker",
    "payload": "body",
    "req": "request",
    "resp": "response",
    "hdr": "head or field",
    "hdrs": "fields",
    "epoch": "generation",
    "cfg": "config",
    "util": "the one thing it does",
    "utils": "the one thing it does",
    "helper": "what it does",
    "helpers": "what they do",
    "manager": "what it does",
    "misc": "what it is",
}
"""Words that are in no name, and the one that is meant."""

NO_FILES = {"base", "common", "stuff", "types"}
"""Names of no module: they do not tell what is in it."""

PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
RUST_NAME = re.compile(r"\b(?:fn|struct|enum|trait|mod|type|const|static|let(?: mut)?)\s+(\w+)")
RUST_FIELD = re.compile(
    r"(?:^|[(,|{])\s*(?:pub(?:\([^)]*\))? )?(?:mut )?([a-z_]\w*):(?!:)", re.MULTILINE
)

PYTHON = files(".py", ".pyi")
RUST = files(".rs")


def words(name: str) -> set[str]:
    """The words of a name in snake case or camel case."""
    return {part.lower() for part in PARTS.findall(name)}


def python_names(path: Path) -> Iterator[str]:
    """Every name a Python file gives to something."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def rust_names(path: Path) -> Iterator[str]:
    """Every name a Rust file gives to something."""
    text = code(rust(path))
    yield from RUST_NAME.findall(text)
    yield from RUST_FIELD.findall(text)


@pytest.mark.parametrize("path", PYTHON + RUST, ids=shown)
def test_names(path: Path) -> None:
    names = rust_names(path) if path.suffix == ".rs" else python_names(path)
    wrong = [(name, word, INSTEAD[word]) for name in names for word in words(name) & set(INSTEAD)]
    assert wrong == [], "name, word in it, the word to use"


@pytest.mark.parametrize("path", PYTHON + RUST, ids=shown)
def test_file_names(path: Path) -> None:
    names = {path.stem, path.parent.name}
    assert names.isdisjoint(NO_FILES | set(INSTEAD)), f"{shown(path)}: name what is in it"


def test_names_are_found(tmp_path: Path) -> None:
    python, native = tmp_path / "a.py", tmp_path / "a.rs"
    python.write_text("class HTTPReq:\n    def f(self, payload): self.arbiter = master = 1\n")
    native.write_text("struct ReqPool { epoch: u8 }\nfn f(payload: &str) { let mut cfg = x; }\n")
    assert set(python_names(python)) == {"HTTPReq", "f", "self", "payload", "arbiter", "master"}
    assert set(rust_names(native)) == {"ReqPool", "f", "cfg", "epoch", "payload"}
    assert words("HTTPReqPool_x2") == {"http", "req", "pool", "x", "2"}
