"""Suggestions for a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """``; did you mean a or b?`` for the nearest known names, or nothing.

    ``prefix`` is written before each; names that share one are compared better without it.
    """
    # difflib is only needed once somebody has made a mistake.
    import difflib

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=2, cutoff=0.65)
    meant = " or ".join(prefix + by_lower[match] for match in matches)
    return f"; did you mean {meant}?" if meant else ""
