"""What .gitignore files leave out; git itself is asked for the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tricorn.supervisor.gitignore import GitIgnore

FILES = {
    ".gitignore": "*.log\nbuild/\n/top.py\nlocal_*.py\n!local_kept.py\n",
    "shop/.gitignore": "gen.py\n!debug.log\n*.tmp\n",
    "shop/models/.gitignore": "!gen.py\n",
}
PATHS = (
    *("a.log", "shop/a.log", "shop/debug.log", "debug.log"),
    *("top.py", "shop/top.py", "local_x.py", "local_kept.py", "shop/local_x.py"),
    *("gen.py", "shop/gen.py", "shop/models/gen.py", "shop/deep/gen.py"),
    *("build/", "shop/build/", "buildx/", "shop/x.tmp", "x.tmp", "main.py"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with nested lists."""
    git = ("git", "-c", "init.defaultBranch=main", "-c", "core.excludesFile=", "init", "--quiet")
    subprocess.run(git, cwd=tmp_path, check=True, timeout=10)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def ours(project: Path, path: str) -> bool:
    """The answer of the lists from the top of the project down to the path's directory."""
    rules = GitIgnore().with_file_in(str(project))
    directory = project
    for part in Path(path).parent.parts:
        directory /= part
        rules = rules.with_file_in(str(directory))
    return rules.ignores(f"{project}/{path}")


def gits(project: Path, path: str) -> bool:
    """Git's answer (git-check-ignore(1))."""
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    if path.endswith("/"):
        (project / path).mkdir(parents=True, exist_ok=True)
    command = ("git", "-c", "core.excludesFile=", "check-ignore", "--quiet", path)
    return subprocess.run(command, cwd=project, check=False, timeout=10).returncode == 0


@pytest.mark.parametrize("path", PATHS)
def test_same_as_git(project: Path, path: str) -> None:
    assert ours(project, path) is gits(project, path)


def test_lists_above_hold_within_the_repository(project: Path) -> None:
    rules = GitIgnore.above(str(project / "shop" / "models"))
    assert rules.ignores(f"{project}/shop/models/a.log")
    assert rules.ignores(f"{project}/shop/models/gen.py")


def test_no_list_above_the_repository(project: Path) -> None:
    (project / "shop" / ".git").mkdir()
    assert GitIgnore.above(str(project / "shop")) == GitIgnore()
    assert not GitIgnore.above(str(project / "shop" / "models")).ignores(f"{project}/shop/top.py")


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "shop").mkdir()
    assert GitIgnore.above(str(tmp_path / "shop")) == GitIgnore()


def test_a_line_that_is_no_rule_is_left_out(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("!\n*.log\n")
    rules = GitIgnore().with_file_in(str(tmp_path))
    assert rules.ignores(f"{tmp_path}/a.log")
