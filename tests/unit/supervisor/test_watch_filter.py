"""Which names count for --reload."""

from __future__ import annotations

import pytest

from tricorn.supervisor.watch_filter import WatchFilter

PLAIN = WatchFilter((), ())


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("main.py", True),
        ("shop/models/item.py", True),
        ("main.pyc", False),
        ("main.py~", False),
        ("main.py.swp", False),
        ("#main.py#", False),
        (".#main.py", False),
        (".hidden.py", False),
        ("page.html", False),
    ],
)
def test_python_files_count(path: str, counts: bool) -> None:
    assert PLAIN.includes(path) is counts
    assert not PLAIN.names(path)


@pytest.mark.parametrize(
    ("directory", "entered"),
    [
        ("shop", True),
        ("shop/models", True),
        (".git", False),
        ("shop/.cache", False),
        ("shop/__pycache__", False),
        ("front/node_modules", False),
        ("lib/python3.13/site-packages", False),
    ],
)
def test_directories_without_code_are_not_entered(directory: str, entered: bool) -> None:
    assert PLAIN.enters(directory) is entered


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.html", "shop/templates/page.html"),
        ("templates/", "shop/templates/page.txt"),
        ("./shop/*.txt", "shop/notes.txt"),
        ("conf/**/*.yaml", "conf/a/b/c.yaml"),
    ],
)
def test_include_adds(pattern: str, path: str) -> None:
    rules = WatchFilter([pattern], ())
    assert rules.includes(path)
    assert not PLAIN.includes(path)
    assert rules.includes("main.py")


def test_a_pattern_with_a_slash_holds_from_the_current_directory_on() -> None:
    rules = WatchFilter(["conf/*.yaml"], ["static/*.py"])
    assert not rules.includes("shop/conf/a.yaml")
    assert not rules.includes("static/a.py")
    assert rules.includes("shop/static/a.py")


@pytest.mark.parametrize(
    ("pattern", "path", "named"),
    [
        (".env", ".env", True),
        (".env*", "deploy/.env.local", True),
        ("local.cfg", "local.cfg", True),
        ("*.cfg", "local.cfg", False),
    ],
)
def test_a_pattern_that_names_its_file(pattern: str, path: str, named: bool) -> None:
    assert WatchFilter([pattern], ()).names(path) is named


def test_wildcards_are_not_for_hidden_files() -> None:
    assert not WatchFilter(["*"], ()).includes(".coverage")
    assert WatchFilter(["*"], ()).includes("coverage")


@pytest.mark.parametrize("pattern", ["tests/", "tests", "tests/**", "test_*.py", "./tests"])
def test_exclude_takes_out(pattern: str) -> None:
    rules = WatchFilter(["test_main.py"], [pattern])
    assert not rules.includes("tests/test_main.py")
    assert not rules.names("tests/test_main.py")
    assert rules.includes("main.py")


def test_an_excluded_directory_is_not_entered() -> None:
    rules = WatchFilter((), ["tests/", "*.py"])
    assert not rules.enters("shop/tests")
    assert rules.enters("shop")


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(ValueError, match="!"):
        WatchFilter(["!"], ())
