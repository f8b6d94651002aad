"""The version of this package, as its installation says."""

from __future__ import annotations


def version() -> str:
    """As ``1.2.3``, or ``(not installed)`` where the package is only on the path."""
    # Costs more than all the rest of a start, so only where it is asked for.
    from importlib import metadata

    try:
        return metadata.version("tricorn")
    except metadata.PackageNotFoundError:
        return "(not installed)"
