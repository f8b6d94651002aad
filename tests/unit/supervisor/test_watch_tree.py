"""Which files of a real tree are looked at, and what two looks tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tricorn.supervisor.watch_messages import Change, WatchOrder
from tricorn.supervisor.watch_tree import TreeScanner, differences


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with room beside it."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


def write(*paths: str | Path, text: str = "") -> None:
    """Make files and the directories they are in."""
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def absolute(path: str) -> str:
    """A path below or beside the current directory, in full; links stay."""
    return os.path.normpath(Path.cwd() / path)


def scanner(*roots: str, **settings: Any) -> TreeScanner:
    """A scanner of the current directory, or of these roots below it."""
    given = tuple(absolute(root) for root in roots or (".",))
    plain = {"include": (), "exclude": (), "extra_files": (), "gitignore": True}
    return TreeScanner(WatchOrder(roots=given, delay=0, poll=False, **{**plain, **settings}))


def found(*roots: str, **settings: Any) -> set[str]:
    """The files that count, relative to the current directory."""
    return {os.path.relpath(path) for path in scanner(*roots, **settings).scan().files}


def test_counts_what_the_filter_takes() -> None:
    write("main.py", "shop/item.py", "shop/page.html", ".git/hook.py", "a/__pycache__/x.py")
    assert found() == {"main.py", "shop/item.py"}
    assert found(include=("*.html",)) == {"main.py", "shop/item.py", "shop/page.html"}
    assert found(exclude=("shop",)) == {"main.py"}


def test_patterns_are_relative_to_the_current_directory_below_a_root_too() -> None:
    write("shop/item.py", "shop/gen/item.py")
    assert found("shop", exclude=("shop/gen",)) == {"shop/item.py"}


def test_patterns_of_a_root_elsewhere_are_relative_to_it() -> None:
    write("../lib/a.py", "../lib/gen/b.py")
    assert found("../lib", exclude=("/gen",)) == {"../lib/a.py"}


def test_virtual_environments_are_left_out_whatever_their_name() -> None:
    write("main.py", "env/pyvenv.cfg", "env/lib/module.py")
    assert found() == {"main.py"}
    assert found("env") == {"env/lib/module.py"}


def test_a_root_in_a_directory_that_is_not_entered() -> None:
    Path(".git").mkdir()
    write(".gitignore", text=".venv/\n")
    write("main.py", ".venv/lib/site-packages/mine/module.py")
    assert found(".", ".venv/lib/site-packages/mine") == {
        "main.py",
        ".venv/lib/site-packages/mine/module.py",
    }


def test_gitignore() -> None:
    write("main.py", "gen/a.py", "shop/local.py", "shop/item.py", "settings_local.py")
    write(".gitignore", text="gen/\nsettings_local.py\n")
    write("shop/.gitignore", text="local.py\n")
    assert found() == {"main.py", "shop/item.py"}
    assert found(include=("settings_local.py",)) == {"main.py", "shop/item.py", "settings_local.py"}
    everything = {"main.py", "gen/a.py", "shop/local.py", "shop/item.py", "settings_local.py"}
    assert found(gitignore=False) == everything


def test_gitignore_above_the_root() -> None:
    Path(".git").mkdir()
    write("shop/gen.py", "shop/item.py")
    write(".gitignore", text="gen.py\n")
    assert found("shop") == {"shop/item.py"}


def test_symbolic_links_to_directories() -> None:
    write("../lib/a.py", "main.py")
    Path("lib").symlink_to("../lib")
    Path("circle").symlink_to(".")
    Path("itself").symlink_to("itself")
    assert found() == {"main.py", "lib/a.py"}


def test_of_two_links_to_a_directory_one_is_taken() -> None:
    write("../lib/a.py")
    Path("second").symlink_to("../lib")
    Path("first").symlink_to("../lib")
    assert found() == {"first/a.py"}


def test_news_of_a_directory_behind_a_link_have_its_real_path() -> None:
    write("../lib/a.py", "../lib/deep/b.py")
    Path("lib").symlink_to("../lib")
    Path("main.py").symlink_to("../lib/script")
    write("../lib/script")
    scan = scanner()
    tree = scan.scan()
    assert absolute("lib") not in tree.directories
    for path in ("../lib/a.py", "../lib/new.py", "../lib/deep/new.py", "../lib/script", "lib"):
        assert scan.concerns(tree, absolute(path)), path
    assert not scan.concerns(tree, absolute("../lib/data"))


def test_symbolic_link_to_a_file() -> None:
    write("../lib/real.py", text="one")
    Path("main.py").symlink_to("../lib/real.py")
    Path("nowhere.py").symlink_to("missing")
    tree = scanner().scan()
    assert {os.path.relpath(path) for path in tree.files} == {"main.py"}
    assert absolute("../lib") in tree.directories
    assert scanner().concerns(tree, absolute("../lib/real.py"))


def test_extra_files_count_wherever_they_are() -> None:
    write("main.py", ".env", "../conf/a.yaml", "../conf/b/c.yaml", "../conf/d.txt")
    write(".gitignore", text=".env\n")
    extra = (".env", "../conf/**/*.yaml", "absent.cfg")
    assert found(extra_files=extra) == {"main.py", ".env", "../conf/a.yaml", "../conf/b/c.yaml"}


def test_directories_to_watch_are_those_where_something_may_appear(project: Path) -> None:
    write("main.py", "shop/x.txt", ".git/a", "node_modules/a.py", "../conf/a/x.txt", "../etc/x")
    tree = scanner(extra_files=("../conf/*/*.yaml", "../etc/absent/file")).scan()
    expected = {"", "shop", "..", "../conf", "../conf/a", "../etc"}
    assert set(tree.directories) == {os.path.normpath(project / name) for name in expected}


def test_which_news_matter() -> None:
    write("main.py", "shop/x.txt", ".gitignore", "../etc/app.cfg", "../conf/a.yaml")
    scan = scanner(include=("*.html",), extra_files=("../etc/app.cfg", "../conf/*.yaml"))
    tree = scan.scan()

    def matters(path: str) -> bool:
        return scan.concerns(tree, absolute(path))

    for path in ("main.py", "new.py", "shop/new.html", "shop", ".gitignore", "shop/.gitignore"):
        assert matters(path), path
    for path in ("../etc/app.cfg", "../conf/new.yaml"):
        assert matters(path), path
    for path in ("db.sqlite3-journal", "main.py~", "shop/x.txt", "../etc/other.cfg", "../new.py"):
        assert not matters(path), path


def test_differences() -> None:
    old = {"/a": (1, 1, 1), "/b": (1, 1, 1), "/c": (1, 1, 1), "/d": (1, 1, 1)}
    new = {"/b": (2, 1, 1), "/c": (1, 1, 1), "/d": (1, 1, 2), "/e": (1, 1, 1)}
    assert differences(old, new) == [
        Change("deleted", "/a"),
        Change("modified", "/b"),
        Change("modified", "/d"),
        Change("added", "/e"),
    ]


def test_an_order_survives_its_way() -> None:
    order = WatchOrder(
        roots=("/a\udcff",),
        include=("*.html",),
        exclude=(),
        extra_files=("é",),
        gitignore=True,
        delay=0.5,
        poll=False,
    )
    assert WatchOrder.decode(order.encode()) == order
