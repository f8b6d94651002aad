"""Which frames of a traceback are the application's."""

from __future__ import annotations

from pathlib import Path

import pytest

import tricorn
from tricorn.worker.blame import app_frames, app_traceback, last_place

PACKAGE = Path(tricorn.__file__).parent


def fail_in(filename: str) -> BaseException:
    """An error whose only frames are one of this file and one that claims to be in ``filename``."""
    try:
        exec(compile("1 / 0", filename, "exec"), {})
    except ZeroDivisionError as error:
        error.__traceback__ = error.__traceback__.tb_next if error.__traceback__ else None
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("filename", "ours"),
    [
        (str(PACKAGE / "worker" / "loader.py"), True),
        ("<frozen importlib._bootstrap>", True),
        ("/usr/lib/python3/importlib/__init__.py", True),
        ("/srv/site/main.py", False),
        (f"{PACKAGE}_site/main.py", False),
    ],
)
def test_frames_of_the_server_are_cut_off(
    filename: str, ours: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # so that every place is shown in full
    error = fail_in(filename)
    assert (app_frames(error) is None) is ours
    assert ("Traceback" in app_traceback(error)) is not ours
    assert last_place(error) == (None if ours else f"{filename}, line 1")


def test_place_below_the_current_directory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/usr")
    assert last_place(fail_in("/usr/site/main.py")) == "site/main.py, line 1"
