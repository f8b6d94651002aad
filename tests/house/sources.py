"""The repository's files, and what their text says: functions, names, imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.kit.process import ROOT

MADE = {"target", "dist", "node_modules", "__pycache__", "migrations", "results", "corpus"}
"""Directories whose files are made by a tool."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method; ``arguments`` is without self, cls and the interpreter's token."""

    file: str
    name: str
    lines: int
    arguments: int


def files(*suffixes: str, under: str = ".") -> list[Path]:
    """The repository's files with one of these suffixes, as absolute paths."""
    return sorted(path for path in _walk(ROOT / under) if path.suffix in suffixes)


def _walk(directory: Path) -> Iterator[Path]:
    for entry in directory.iterdir():
        hidden = entry.name.startswith(".") and entry.name != ".ci"
        if entry.is_dir() and not hidden and entry.name not in MADE:
            yield from _walk(entry)
        elif entry.is_file() and not hidden:
            yield entry


def shown(path: Path) -> str:
    """A path as people write it, from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """A Python file, parsed."""
    return ast.parse(path.read_text("utf-8"), str(path))


@cache
def rust(path: Path) -> str:
    """The text of a Rust file without its tests, which stand at its end."""
    text = path.read_text("utf-8")
    return text.partition("#[cfg(test)]\nmod tests")[0]


def code(text: str) -> str:
    """Rust without comments and string literals."""
    return re.sub(r'//[^\n]*|"(?:\\.|[^"\\])*"', "", text)


def python_functions(path: Path) -> Iterator[Function]:
    """Every function of a Python file; an inner one counts for itself and for the outer one."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            count = sum(one.arg not in ("self", "cls") for one in given)
            yield Function(shown(path), node.name, node.end_lineno - node.lineno + 1, count)


RUST_FUNCTION = re.compile(
    r"^(?P<indent> *)(?:pub(?:\([^)]*\))? )?(?:const )?(?:unsafe )?(?:extern \"C\" )?"
    r"fn (?P<name>\w+)",
    re.MULTILINE,
)
SIGNATURE = re.compile(r".*?(?P<end>\{|;|\{\})$", re.DOTALL | re.MULTILINE)


def rust_functions(path: Path) -> Iterator[Function]:
    """Every function of a Rust file that has a body, as rustfmt lays it out."""
    text = rust(path)
    for found in RUST_FUNCTION.finditer(text):
        rest = text[found.start() :]
        signature = SIGNATURE.match(rest)
        if signature is None or signature["end"] != "{":
            continue
        body, closed, _ = rest.partition(f"\n{found['indent']}}}\n")
        assert closed, f"{shown(path)}: cannot see where {found['name']} ends"
        count = len(_parameters(signature[0]))
        yield Function(shown(path), found["name"], body.count("\n") + 2, count)


def _parameters(declaration: str) -> list[str]:
    """The parameters of the function that a text begins with."""
    start = declaration.index("(", declaration.index("fn "))
    depth = 0
    parts = [""]
    for letter in declaration[start:]:
        depth += (letter in "([{<") - (letter in ")]}>")
        if depth == 0:
            break
        if letter == "," and depth == 1:
            parts.append("")
        else:
            parts[-1] += letter
    names = [part.lstrip("( \n").partition(":")[0].strip() for part in parts if part.strip("( \n")]
    return [name for name in names if name not in ("self", "&self", "&mut self", "py", "_py")]
