"""Building takes minutes: whoever waits is told before, and sees how far it is."""

from __future__ import annotations

import subprocess

import pytest

from tests.kit.process import ROOT


@pytest.mark.parametrize("profile", ["quick", "release"])
def test_make_says_before_how_long_it_takes(profile: str) -> None:
    command = ["make", "--dry-run", "--always-make", f".venv/.core-{profile}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said, build = done.stdout.find("minutes"), done.stdout.find("maturin develop")
    assert 0 <= said < build
    assert "[ -t 2 ] || echo --quiet" in done.stdout, "progress, where somebody looks"


def test_the_readme_says_how_to_see_it() -> None:
    assert "pip install -v ." in (ROOT / "README.md").read_text()
