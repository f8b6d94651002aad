"""Suggestions for a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that look like ``name``, the nearest first."""
    # difflib is only needed once somebody has made a mistake.
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    return [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, 3, 0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean a, b?`` for the nearest known names, or nothing."""
    matches = closest(name, known)
    return f"; did you mean {' or '.join(matches)}?" if matches else ""
