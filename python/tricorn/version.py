"""The version of this package, as its installation says."""

from __future__ import annotations

import os
import re
import sys

_INSTALLED = re.compile(r"tricorn-([^-]+)\.dist-info")


def version() -> str:
    """As ``1.2.3``, or ``(not installed)`` where the package is only on the path.

    What importlib.metadata would find; importing that costs more than all the rest of a start.
    """
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")  # noqa: PTH208 (pathlib is no faster to read)
        except OSError:
            continue
        for name in names:
            if found := _INSTALLED.fullmatch(name):
                return found[1]
    return "(not installed)"
