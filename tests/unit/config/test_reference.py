"""The settings reference page is the one the settings make."""

from __future__ import annotations

from pathlib import Path

from tricorn.config.catalogue import SETTINGS
from tricorn.config.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


def test_committed_page_is_up_to_date() -> None:
    command = "python -m tricorn.config.reference > docs/reference/settings.md"
    assert PAGE.read_text("utf-8") == page(), f"run: {command}"


def test_every_setting_is_on_the_page() -> None:
    text = page()
    for setting in SETTINGS:
        assert f"| `{setting.key}` |" in text
