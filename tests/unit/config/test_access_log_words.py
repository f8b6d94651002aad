"""Words that somebody gives as where access lines go, and that would be files."""

from __future__ import annotations

import pytest

from tricorn.config import Config
from tricorn.errors import ConfigError


@pytest.mark.parametrize("word", ["1", "true", "No", "json"])
def test_a_word_is_no_file(word: str) -> None:
    """TRICORN_ACCESS_LOG=1 is what others write for on."""
    with pytest.raises(ConfigError, match="would be a file of this name; write stdout or off"):
        Config.make(access_log=word)


def test_an_application_is_no_file() -> None:
    """`tricorn --access-log main:app`."""
    with pytest.raises(ConfigError, match="looks like the application"):
        Config.make(access_log="main:app")


@pytest.mark.parametrize("name", ["./json", "access.log", "/var/log/a:b", "stderr", "-", "off"])
def test_files_and_streams(name: str) -> None:
    """Everything else is as it was."""
    assert Config.make(access_log=name).logs.access_log == name
