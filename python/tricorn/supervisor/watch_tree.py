"""The files that count for --reload as they are on disk, and what changed between two looks.

Two pictures of the tree are compared instead of trusting single events, so it does not matter how
an editor saves (in place, by renaming, by deleting first), nor what happened while nobody was
told: the pictures differ or they do not.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tricorn.supervisor.gitignore import GITIGNORE, GitIgnore
from tricorn.supervisor.watch_filter import WatchFilter
from tricorn.supervisor.watch_messages import Change, WatchOrder

Stamp: TypeAlias = tuple[int, int, int]
"""Time of the last write in ns, size in bytes, inode: a file that was written has another one."""

_VENV = "pyvenv.cfg"
"""The file that every virtual environment has at its top, whatever its name (PEP 405)."""


@dataclass(slots=True)
class Tree:
    """One look at the files.

    ``files`` are those that count, by absolute path as the user knows it, links unresolved. The
    rest says where to watch, by real paths: a directory that two links lead to is told of once.

    ``directories``: each with what its files' names begin with for the filter; None if none of its
    files counts just for its name. ``globbed``: those where any file may be an extra one.
    ``targets``: further paths whose news matter, as links, where they lead, and extra files.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    directories: dict[str, str | None] = field(default_factory=dict)
    globbed: set[str] = field(default_factory=set)
    targets: set[str] = field(default_factory=set)


def differences(old: Mapping[str, Stamp], new: Mapping[str, Stamp]) -> list[Change]:
    """What changed from one look at the files to the next, in the order of the paths."""
    changes = [Change("deleted", path) for path in old.keys() - new.keys()]
    for path, stamp in new.items():
        if path not in old:
            changes.append(Change("added", path))
        elif old[path] != stamp:
            changes.append(Change("modified", path))
    return sorted(changes, key=lambda change: change.path)


class TreeScanner:
    """Looks at all that an order names. Raises ValueError for a pattern that is none."""

    def __init__(self, order: WatchOrder) -> None:
        self._order = order
        self._filter = WatchFilter(order.include, order.exclude)
        self._extra_files = [os.path.abspath(path) for path in order.extra_files]

    def scan(self) -> Tree:
        """The tree as it is now. What is gone or may not be read is left out."""
        scan = _Scan(self._filter, self._order.gitignore)
        for root in self._order.roots:
            scan.root(root)
        for pattern in self._extra_files:
            scan.extra(pattern)
        return scan.tree

    def concerns(self, tree: Tree, path: str) -> bool:
        """Whether news of a path, real but for its last part, are a reason to look again."""
        directory, name = os.path.split(path)
        prefix = tree.directories.get(directory)
        return (
            path in tree.targets
            or path in tree.directories
            or directory in tree.globbed
            or (prefix is not None and self._may_count(prefix + name))
            or os.path.isdir(path)
        )

    def _may_count(self, path: str) -> bool:
        is_list = self._order.gitignore and os.path.basename(path) == GITIGNORE
        return is_list or self._filter.includes(path) or self._filter.names(path)


class _Scan:
    """One walk over everything; a directory that is reached twice is entered once."""

    def __init__(self, rules: WatchFilter, gitignore: bool) -> None:
        self.tree = Tree()
        self._filter = rules
        self._gitignore = gitignore
        self._entered: set[str] = set()

    def root(self, root: str) -> None:
        """Take in the files below a root that count."""
        self._expect(root)  # it may go and come back
        if os.path.isdir(root):
            ignored = GitIgnore.above(root) if self._gitignore else GitIgnore()
            self._enter(root, os.path.realpath(root), _prefix(root), ignored)

    def extra(self, pattern: str) -> None:
        """Take in an extra file, or all that a glob pattern finds."""
        for path in glob.iglob(pattern, recursive=True, include_hidden=True):
            if os.path.isfile(path):
                self._take(path, os.path.islink(path))
        while glob.has_magic(pattern):
            pattern = os.path.dirname(pattern)
            for path in glob.iglob(pattern, recursive=True, include_hidden=True):
                if os.path.isdir(path):
                    self.tree.globbed.add(os.path.realpath(path))
        self._expect(pattern)
        for directory in self.tree.globbed:
            self.tree.directories.setdefault(directory, None)

    def _enter(self, directory: str, real: str, prefix: str, ignored: GitIgnore) -> None:
        """Take in what counts in a directory, ``real`` without links, and below it."""
        if real in self._entered:
            return  # links may lead in circles
        self._entered.add(real)
        self.tree.directories[real] = prefix
        entries = _entries(directory)
        if self._gitignore and any(entry.name == GITIGNORE for entry in entries):
            ignored = ignored.with_file_in(directory)
        for entry in entries:
            name = prefix + entry.name
            if not _is_directory(entry):
                self._file(entry, name, ignored)
            elif self._filter.enters(name) and not _is_left_out(entry.path, ignored):
                self._enter(entry.path, self._real(entry, real), f"{name}/", ignored)

    def _real(self, entry: os.DirEntry[str], real_parent: str) -> str:
        path = f"{real_parent}/{entry.name}"
        if not entry.is_symlink():
            return path
        self.tree.targets.add(path)
        return os.path.realpath(path)

    def _file(self, entry: os.DirEntry[str], name: str, ignored: GitIgnore) -> None:
        named = self._filter.names(name)
        if named or (self._filter.includes(name) and not ignored.ignores(entry.path)):
            self._take(entry.path, entry.is_symlink())

    def _take(self, path: str, is_link: bool) -> None:
        try:
            status = os.stat(path)
        except OSError:
            return  # a link that leads nowhere, or gone since it was listed
        self.tree.files[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
        if is_link:
            self._expect(os.path.realpath(path))

    def _expect(self, path: str) -> None:
        """Watch where a path is or will be: its directory, or above that the first there is."""
        directory, name = os.path.split(path)
        self.tree.targets.add(os.path.join(os.path.realpath(directory), name))
        while not os.path.isdir(directory):
            directory = os.path.dirname(directory)
        self.tree.directories.setdefault(os.path.realpath(directory), None)


def _entries(directory: str) -> list[os.DirEntry[str]]:
    """What is in a directory, sorted: of two links to one place the same one is always taken."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []  # gone, or not to be read


def _is_left_out(directory: str, ignored: GitIgnore) -> bool:
    is_venv = os.path.exists(f"{directory}/{_VENV}")
    return is_venv or ignored.ignores(f"{directory}/")


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself


def _prefix(root: str) -> str:
    """What names below a root begin with: patterns are relative to the current directory.

    Below a root that lies elsewhere, they are relative to the root.
    """
    relative = os.path.relpath(root)
    if relative == "." or relative.startswith(".."):
        return ""
    return f"{relative}/"
