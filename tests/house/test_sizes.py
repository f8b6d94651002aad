"""Files and functions stay short; what may be longer is in one table, with its reason."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.house.sources import Function, files, python_functions, rust, rust_functions, shown

PYTHON_FILE, RUST_FILE = 400, 500
"""Lines of a file, in Rust without its tests."""

MEDIAN, NINE_OF_TEN, LONGEST = 10, 40, 60
"""Lines of a function: fewer than these."""

ARGUMENTS = 6
"""Most arguments of a function."""

EXCEPTIONS = {
    ("crates/wire/src/reject.rs", "reason"): "a table of status codes, one line for each",
}
"""Functions that are longer than they should be, and why."""

PYTHON, RUST = files(".py"), files(".rs")


@pytest.mark.parametrize("path", PYTHON + RUST, ids=shown)
def test_files(path: Path) -> None:
    text, most = (
        (rust(path), RUST_FILE) if path.suffix == ".rs" else (path.read_text(), PYTHON_FILE)
    )
    assert text.count("\n") <= most, f"{shown(path)}: split it by responsibility"


def every(paths: Iterable[Path], functions: Callable[[Path], Iterator[Function]]) -> list[Function]:
    """The functions of all these files."""
    return [function for path in paths for function in functions(path)]


FUNCTIONS = {"Python": every(PYTHON, python_functions), "Rust": every(RUST, rust_functions)}
LANGUAGES = pytest.mark.parametrize("language", FUNCTIONS)


@LANGUAGES
def test_functions_are_short(language: str) -> None:
    lines = [function.lines for function in FUNCTIONS[language]]
    assert len(lines) > 100, "hardly any functions were found"
    assert statistics.median(lines) < MEDIAN
    assert statistics.quantiles(lines, n=10)[-1] < NINE_OF_TEN


@LANGUAGES
def test_no_function_is_very_long(language: str) -> None:
    long = [one for one in FUNCTIONS[language] if one.lines >= LONGEST]
    assert [one for one in long if (one.file, one.name) not in EXCEPTIONS] == []


@LANGUAGES
def test_few_arguments(language: str) -> None:
    assert [one for one in FUNCTIONS[language] if one.arguments > ARGUMENTS] == []


def test_every_exception_is_needed() -> None:
    long = {
        (one.file, one.name) for all in FUNCTIONS.values() for one in all if one.lines >= LONGEST
    }
    assert set(EXCEPTIONS) - long == set(), "short by now: take it out of the table"


def test_lines_and_arguments_are_counted_right(tmp_path: Path) -> None:
    import tests.house.sources as sources

    source = tmp_path / "x.rs"
    source.write_text(
        "fn one(&self, py: Python<'_>, a: (u8, u8), b: HashMap<u8, [u8; 2]>) -> u8 {\n    1\n}\n"
        "trait T {\n    fn declared(&self, c: [u8; 2]);\n    fn empty() {}\n}\n"
    )
    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(sources, "ROOT", tmp_path)
        assert list(rust_functions(source)) == [Function("x.rs", "one", 3, 2)]
