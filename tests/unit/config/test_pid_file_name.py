"""A port that was meant, and a pid file that was said."""

from __future__ import annotations

import pytest

from tricorn.config import Config
from tricorn.errors import ConfigError


def test_a_number_is_no_name() -> None:
    """`-p 8001` is how others write a port."""
    with pytest.raises(ConfigError, match="for the port write port=8001"):
        Config.make(workers=1, pid="8001")
