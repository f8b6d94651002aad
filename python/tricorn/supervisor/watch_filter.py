"""Which files count for --reload, by their names alone: no file is looked at here.

In the order of their weight:

1. ``--reload-exclude`` takes out, whatever else holds.
2. Directories that hold no code of the application are not entered: hidden ones, ``__pycache__``,
   ``node_modules``, ``site-packages``.
3. An include pattern that names its file, as ``.env`` or ``local.cfg``, takes it in.
4. Any other include pattern, ``*.py`` first of all, takes in files that are not hidden and that
   ``.gitignore`` leaves (``gitignore.py``).

Patterns have the grammar of a .gitignore file (gitignore(5)). Paths are relative, with ``/``.
"""

from __future__ import annotations

from collections.abc import Iterable

from pathspec import GitIgnoreSpec

ALWAYS_INCLUDED = "*.py"
_NOT_ENTERED = frozenset({"__pycache__", "node_modules", "site-packages"})
_WILDCARDS = frozenset("*?[")


class WatchFilter:
    """The rules that ``--reload-include`` and ``--reload-exclude`` make.

    Raises ValueError for a pattern that is none.
    """

    def __init__(self, include: Iterable[str], exclude: Iterable[str]) -> None:
        include = [_below_here(pattern) for pattern in include]
        self._included = GitIgnoreSpec.from_lines([ALWAYS_INCLUDED, *include])
        self._named = GitIgnoreSpec.from_lines(filter(_names_files, include))
        self._excluded = GitIgnoreSpec.from_lines(map(_below_here, exclude))

    def enters(self, directory: str) -> bool:
        """Whether files below a directory may count."""
        name = _last(directory)
        if name.startswith(".") or name in _NOT_ENTERED:
            return False
        return not _match(self._excluded, f"{directory}/")

    def names(self, path: str) -> bool:
        """Whether a file counts because the user named it, also against .gitignore."""
        return _match(self._named, path) and not _match(self._excluded, path)

    def includes(self, path: str) -> bool:
        """Whether a file counts unless .gitignore names it."""
        if _last(path).startswith("."):
            return False
        return _match(self._included, path) and not _match(self._excluded, path)


def _match(spec: GitIgnoreSpec, path: str) -> bool:
    # Most have no patterns, which pathspec takes long to find out.
    return len(spec) > 0 and spec.match_file(path)


def _below_here(pattern: str) -> str:
    """The pattern without ``./``, which the grammar does not know but shells complete."""
    return pattern.removeprefix("./")


def _names_files(pattern: str) -> bool:
    """Whether a pattern can only mean these files: it has no wildcards, or is for hidden ones."""
    return _last(pattern).startswith(".") or _WILDCARDS.isdisjoint(pattern)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]
