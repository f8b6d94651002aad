"""The pages for people: links lead somewhere, tests and commands that are named exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.sources import files, shown
from tests.kit.process import ROOT

PAGES = files(".md")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(
    r"`((?:\.ci|bench|crates|docs|examples|python|tests|tools)/[\w./*-]+)(?:::(\w+))?`"
)
TARGET = re.compile(r"`make ([a-z-]+)")
OF_THIS_MACHINE = re.compile("|".join(rf"/{name}/" for name in ("work", "root", "home", "tmp/wt")))
TEXT = files(".py", ".pyi", ".rs", ".md", ".toml", ".sh", ".txt", ".lua", ".conf", "", ".html")


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_links(path: Path) -> None:
    for target in LINK.findall(path.read_text("utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{shown(path)}: {target} is not there"


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_named_files_and_tests(path: Path) -> None:
    for named, function in NAMED.findall(path.read_text("utf-8")):
        found = list(ROOT.glob(named.rstrip("/")))
        assert found, f"{shown(path)}: {named} is not there"
        if function:
            assert any(f"def {function}(" in one.read_text("utf-8") for one in found), function


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_make_targets(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in TARGET.findall(path.read_text("utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is not there"


@pytest.mark.parametrize("path", TEXT, ids=shown)
def test_no_path_of_one_machine(path: Path) -> None:
    found = OF_THIS_MACHINE.search(path.read_text("utf-8", "replace"))
    assert found is None, f"{shown(path)} names {found and found[0]}"
