"""Text about options, for who calls in Python: ``--bind unix:PATH`` is ``bind="unix:PATH"``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tricorn.config.catalogue import BY_NAME
from tricorn.errors import ConfigError

_VALUE = r"[0-9][^\s,;]*|unix:PATH|fd://N|on\b|off\b|[A-Z]{2}[A-Z]*\b(?:\.[a-z]+)?"
# What stands in quotes was given by the caller.
_OPTION = re.compile(rf"""(?<!["'\w-])--(no-)?([a-z0-9-]+)(?: ({_VALUE}))?""")


@contextmanager
def told_in_keywords() -> Iterator[None]:
    """Have a ConfigError of the block name keywords, not options."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(_OPTION.sub(_keyword, str(error))) from None


def _keyword(option: re.Match[str]) -> str:
    negation, flag, value = option.groups()
    name = flag.replace("-", "_")
    if name not in BY_NAME:
        return option[0]
    if negation:
        return f"{name}=False" + (f" {value}" if value else "")
    if value is None:
        return name
    return f"{name}={value}" if value.isdigit() else f'{name}="{value}"'
