"""What .gitignore files leave out, nested ones included (gitignore(5)).

Git's own further lists (``.git/info/exclude``, ``core.excludesFile``) are not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

GITIGNORE = ".gitignore"


@dataclass(frozen=True, slots=True)
class GitIgnore:
    """The files that hold in one directory: each with the directory it lies in, outermost first."""

    files: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    @classmethod
    def above(cls, root: str) -> GitIgnore:
        """What holds for ``root`` from the directories above it in its repository.

        Nothing does if it is ignored itself: who names it means it.
        """
        rules = cls()
        for directory in reversed(list(_within_repository(Path(root)))):
            rules = rules.with_file_in(str(directory))
        return cls() if rules.ignores(f"{root}/") else rules

    def with_file_in(self, directory: str) -> GitIgnore:
        """What holds in ``directory``, where these hold in its parent."""
        try:
            text = Path(directory, GITIGNORE).read_text("utf-8", "surrogateescape")
        except OSError:
            return self
        return GitIgnore((*self.files, (directory, _compile(text.splitlines()))))

    def ignores(self, path: str) -> bool:
        """Whether git ignores an absolute path; that of a directory ends with ``/``.

        Asked from the top down: what lies in an ignored directory is ignored, and not asked about.
        """
        for directory, spec in reversed(self.files):
            verdict = spec.check_file(path[len(directory) :].lstrip("/")).include
            if verdict is not None:
                return verdict
        return False


def _within_repository(root: Path) -> Iterator[Path]:
    """The directories above ``root`` in its repository, from the nearest; none without one."""
    if os.path.lexists(root / ".git"):
        return
    for count, directory in enumerate(root.parents, start=1):
        if os.path.lexists(directory / ".git"):
            yield from root.parents[:count]
            return


def _compile(lines: list[str]) -> GitIgnoreSpec:
    """The rules of a file, without the lines that are none, as git does."""
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        return GitIgnoreSpec.from_lines(line for line in lines if _is_rule(line))


def _is_rule(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
