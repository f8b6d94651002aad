"""What pip is told to install: it works from a clone too, and every extra is known to people."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.sources import files, shown
from tests.kit.process import ROOT

EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]
PACKAGES = {re.split(r"[<>=;~ ]", one)[0] for needed in EXTRAS.values() for one in needed}
ADVICE = re.compile(r"pip install ([^\"\n;,`]+)")


@pytest.mark.parametrize("path", files(".py", under="python/tricorn"), ids=shown)
def test_messages_name_packages_and_no_extra(path: Path) -> None:
    """An extra of Tricorn's is found under its name on an index alone."""
    for words in ADVICE.findall(path.read_text("utf-8")):
        named = re.sub(r"\{[^}]*\}", "", words).split()
        assert set(named) <= PACKAGES, f"{shown(path)}: pip install {words}"


@pytest.mark.parametrize("path", files(".md"), ids=shown)
def test_pages_install_from_a_clone(path: Path) -> None:
    assert "'tricorn[" not in path.read_text("utf-8"), f"{shown(path)}: write '.[…]'"


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_readme_has_each_extra(extra: str) -> None:
    assert f"`{extra}`" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=shown)
def test_the_readme_leads_to_each_page(path: Path) -> None:
    """Itself, or by the list that its folder has."""
    index = path.parent / "README.md"
    if index.exists() and path != index:
        assert f"({path.name})" in index.read_text("utf-8")
        return
    list_of_pages = (ROOT / "README.md").read_text().partition("## Documentation")[2]
    assert f"({path.relative_to(ROOT)})" in list_of_pages
