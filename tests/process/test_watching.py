"""What the watching for --reload tells: real files, saved the way editors save them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.watching import in_place, paths, project, wait_changes, watching
from tricorn.supervisor.watch_messages import Change

__all__ = ["project"]

ENGINES = pytest.mark.parametrize("engine", ["auto", "poll"])

pytestmark = pytest.mark.usefixtures("project")


def vim(path: Path) -> None:
    """Vim: it tries whether it can make a file, keeps the old one until the new one is written."""
    trial, backup, swap = path.with_name("4913"), path.with_name(f"{path.name}~"), ".main.py.swp"
    path.with_name(swap).write_text("swap")
    trial.touch()
    trial.unlink()
    path.rename(backup)
    path.write_text("vim\n")
    path.chmod(0o644)
    backup.unlink()


def safe_write(path: Path) -> None:
    """PyCharm: the new text in a file of its own, then two renames."""
    new, old = (path.with_name(f"{path.name}___jb_{what}___") for what in ("tmp", "old"))
    new.write_text("safe write\n")
    path.rename(old)
    new.rename(path)
    old.unlink()


def emacs(path: Path) -> None:
    """Emacs: a lock that is a link to nowhere, a copy while typing, a backup by renaming."""
    lock = path.with_name(f".#{path.name}")
    lock.symlink_to("me@host.1234:5678")
    copy = path.with_name(f"#{path.name}#")
    copy.write_text("emac")
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text("emacs\n")
    copy.unlink()
    lock.unlink()


def atomic(path: Path) -> None:
    """Formatters and careful tools: a file renamed over the old one."""
    new = path.with_name("tmpabc123")
    new.write_text("atomic\n")
    new.replace(path)


def delete_and_make(path: Path) -> None:
    """Git, when it switches branches."""
    path.unlink()
    path.write_text("made again\n")


SAVES = (in_place, vim, safe_write, emacs, atomic, delete_and_make)


@ENGINES
@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
def test_a_save_is_one_change(project: Path, save: Callable[[Path], None], engine: str) -> None:
    with watching(reload_engine=engine) as watcher:
        for _ in range(2):
            save(project / "main.py")
            assert wait_changes(watcher) == [Change("modified", "main.py")]


@ENGINES
def test_added_and_deleted(project: Path, engine: str) -> None:
    with watching(reload_engine=engine) as watcher:
        (project / "new.py").touch()
        assert wait_changes(watcher) == [Change("added", "new.py")]
        (project / "new.py").rename(project / "newer.py")
        assert wait_changes(watcher) == [Change("deleted", "new.py"), Change("added", "newer.py")]
        (project / "newer.py").unlink()
        assert wait_changes(watcher) == [Change("deleted", "newer.py")]
        (project / "newer.py").touch()
        assert wait_changes(watcher) == [Change("added", "newer.py")]


def test_several_saves_in_a_burst_are_told_at_once(project: Path) -> None:
    names = [f"module_{number:02}.py" for number in range(40)]
    with watching(reload_delay="500ms") as watcher:
        for name in names:
            (project / name).write_text("1")
        safe_write(project / "main.py")
        assert paths(wait_changes(watcher)) == ["main.py", *names]


def test_what_does_not_count_is_not_told(project: Path) -> None:
    (project / ".gitignore").write_text("gen/\n")
    for name in ("gen", "__pycache__", ".venv", "node_modules", ".git", "tests"):
        (project / name).mkdir()
    with watching(reload_exclude=("tests/",)) as watcher:
        for name in ("gen", "__pycache__", ".venv", "node_modules", ".git", "tests"):
            (project / name / "module.py").write_text("1")
        for name in ("db.sqlite3", "page.html", "main.pyc", "main.py~"):
            (project / name).write_text("1")
        (project / "last.py").write_text("1")
        assert wait_changes(watcher) == [Change("added", "last.py")]


def test_news_of_what_does_not_count_are_no_changes(project: Path) -> None:
    """They neither end the watching nor put off what counts."""
    with watching(reload_include="*.html") as watcher:
        for number in range(50):
            (project / "db.sqlite3").write_text(str(number))
            (project / f"page{number}.html").write_text(str(number))
        told: set[str] = set()
        while len(told) < 50:
            told.update(paths(wait_changes(watcher)))
        assert told == {f"page{number}.html" for number in range(50)}


def test_gitignore_is_read_again_when_it_changes(project: Path) -> None:
    (project / ".gitignore").write_text("local.py\n")
    (project / "local.py").touch()
    with watching() as watcher:
        (project / ".gitignore").write_text("")
        assert wait_changes(watcher) == [Change("added", "local.py")]
        (project / "local.py").write_text("1")
        assert wait_changes(watcher) == [Change("modified", "local.py")]


def test_a_new_directory_is_watched(project: Path) -> None:
    with watching() as watcher:
        (project / "shop" / "models").mkdir(parents=True)
        (project / "shop" / "models" / "item.py").touch()
        assert wait_changes(watcher) == [Change("added", "shop/models/item.py")]
        (project / "shop" / "models" / "item.py").write_text("1")
        assert wait_changes(watcher) == [Change("modified", "shop/models/item.py")]
        (project / "shop").rename(project / "store")
        assert paths(wait_changes(watcher)) == ["shop/models/item.py", "store/models/item.py"]
        in_place(project / "store" / "models" / "item.py")
        assert wait_changes(watcher) == [Change("modified", "store/models/item.py")]


def test_a_directory_made_anew_is_watched(project: Path) -> None:
    """In one burst: the directories are the same by name, but not to the kernel."""
    (project / "shop").mkdir()
    (project / "shop" / "item.py").touch()
    with watching(reload_delay="500ms") as watcher:
        shutil.rmtree(project / "shop")
        (project / "shop").mkdir()
        (project / "shop" / "item.py").write_text("1")
        assert wait_changes(watcher) == [Change("modified", "shop/item.py")]
        (project / "shop" / "item.py").write_text("2")
        assert wait_changes(watcher) == [Change("modified", "shop/item.py")]


def test_links_are_followed(project: Path) -> None:
    lib = project.parent / "lib"
    lib.mkdir()
    (lib / "module.py").touch()
    (lib / "script").touch()
    (project / "lib").symlink_to(lib)
    with watching() as watcher:
        (lib / "module.py").write_text("1")
        assert wait_changes(watcher) == [Change("modified", "lib/module.py")]
        (project / "linked.py").symlink_to(lib / "script")
        assert wait_changes(watcher) == [Change("added", "linked.py")]
        (lib / "script").write_text("1")
        assert wait_changes(watcher) == [Change("modified", "linked.py")]
        (project / "later").symlink_to(lib, target_is_directory=True)
        (project / "lib").unlink()
        assert paths(wait_changes(watcher)) == ["later/module.py", "lib/module.py"]


@ENGINES
def test_a_root_may_go_and_come_back(project: Path, engine: str) -> None:
    source, other = project / "src", project / "other"
    source.mkdir()
    other.mkdir()
    (source / "app.py").touch()
    with watching(reload_dir=("src", "other"), reload_engine=engine) as watcher:
        source.rename(project / "away")
        assert wait_changes(watcher) == [Change("deleted", "src/app.py")]
        (other / "a.py").touch()  # when it is told, what is left is watched
        assert wait_changes(watcher) == [Change("added", "other/a.py")]
        (project / "away").rename(source)
        assert wait_changes(watcher) == [Change("added", "src/app.py")]
        atomic(source / "app.py")
        assert wait_changes(watcher) == [Change("modified", "src/app.py")]


def test_several_roots_and_paths_outside_the_current_directory(project: Path) -> None:
    lib = project.parent / "lib"
    lib.mkdir()
    with watching(reload_dir=(".", "../lib")) as watcher:
        (lib / "a.py").touch()
        assert wait_changes(watcher) == [Change("added", str(lib / "a.py"))]
        in_place(project / "main.py")
        assert wait_changes(watcher) == [Change("modified", "main.py")]


def test_the_root_is_the_directory_of_the_application(project: Path) -> None:
    (project / "src").mkdir()
    with watching("src") as watcher:
        in_place(project / "main.py")
        (project / "src" / "app.py").touch()
        assert wait_changes(watcher) == [Change("added", "src/app.py")]


@ENGINES
def test_extra_files(project: Path, engine: str) -> None:
    conf = project.parent / "conf"
    conf.mkdir()
    (project / ".env").touch()
    extra = (".env", "../conf/*.yaml", "absent/app.cfg")
    with watching(reload_extra_file=extra, reload_engine=engine) as watcher:
        atomic(project / ".env")
        assert wait_changes(watcher) == [Change("modified", ".env")]
        (conf / "other.txt").touch()
        (conf / "a.yaml").touch()
        assert wait_changes(watcher) == [Change("added", str(conf / "a.yaml"))]
        (project / "absent").mkdir()
        (project / "absent" / "app.cfg").touch()
        assert wait_changes(watcher) == [Change("added", "absent/app.cfg")]


def test_names_that_are_no_text(project: Path) -> None:
    """Linux lets a name be any bytes; such a file or directory must not end the watching."""
    odd = os.fsencode(project) + b"/odd\xff"
    with watching() as watcher:
        Path(os.fsdecode(odd)).mkdir()
        Path(os.fsdecode(odd + b".py")).touch()
        changes = [*wait_changes(watcher)]
        assert paths(changes) == ["odd\udcff.py"]
        in_place(project / "main.py")
        assert wait_changes(watcher) == [Change("modified", "main.py")]
