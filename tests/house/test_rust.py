"""What is dangerous in Rust stays where it is fenced in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.sources import code, files, rust, shown
from tests.kit.process import ROOT

UNSAFE = {
    "bench/floor/src/main.rs": "the benchmark's floor: system calls",
    "crates/net/src/sys/sigpipe.rs": "a thread's mask of signals",
    "crates/net/src/sys/mod.rs": "system calls",
    "crates/core/src/py/call.rs": "fast calls and tuples of the interpreter",
    "crates/core/src/py/interrupt.rs": "an exception for another thread",
    "crates/core/src/py/cell.rs": "a cell that only its owner's thread opens",
    "crates/core/src/py/handle.rs": "the type of receive and send, made by hand",
    "crates/core/src/py/ready.rs": "the type of an awaitable that is ready, made by hand",
    "crates/core/src/first_process.rs": "a signal handler",
    "crates/core/src/orphan.rs": "a signal handler",
    "crates/net/src/observe/scoreboard.rs": "memory shared with other processes",
    "crates/core/src/wsgi/environ.rs": "dictionary entries set without a second look-up",
}
"""The files that may hold unsafe code, and what for."""

ENDS_THE_CALL = re.compile(r"\.unwrap\(\)|\.expect\(|\b(?:panic|todo|unimplemented|dbg)!")
RUST = files(".rs")


@pytest.mark.parametrize("path", RUST, ids=shown)
def test_unsafe_code_is_fenced(path: Path) -> None:
    found = re.search(r"\bunsafe\b", code(rust(path))) is not None
    assert found == (shown(path) in UNSAFE), "keep the table of fenced files true"


def test_pure_crates_forbid_it() -> None:
    for crate in ("wire", "http2", "baton"):
        opening = Path(f"crates/{crate}/src/lib.rs")
        text = next(path for path in RUST if path.match(f"*/{opening}")).read_text("utf-8")
        assert "#![forbid(unsafe_code)]" in text


def test_the_reactor_knows_no_python() -> None:
    """Nothing that the crate ``net`` is built of, near or far, calls the interpreter."""
    packages = tomllib.loads((ROOT / "Cargo.lock").read_text("utf-8"))["package"]
    needs = {one["name"]: one.get("dependencies", []) for one in packages}
    known, todo = set[str](), ["tricorn-net"]
    while todo:
        if (name := todo.pop()) not in known:
            known.add(name)
            todo += [need.split()[0] for need in needs[name]]
    assert {"tricorn-http2", "tricorn-wire", "mio"} <= known
    assert not [name for name in known if "py" in name.split("-")[0]]
    assert "pyo3" in needs["tricorn-core"]


@pytest.mark.parametrize("path", [p for p in RUST if "/src/" in shown(p)], ids=shown)
def test_nothing_panics_on_purpose(path: Path) -> None:
    """An error is a value: a panic would end the connection of somebody else's request."""
    if not shown(path).startswith("crates/"):
        return
    assert ENDS_THE_CALL.findall(code(rust(path))) == []
