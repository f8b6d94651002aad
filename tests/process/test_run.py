"""``tricorn.run()`` in a script: what it serves, and how the script ends."""

from __future__ import annotations

import os
import signal
import textwrap
from pathlib import Path

import pytest

from tests.kit import Server, Wire
from tests.kit.process import ROOT, ended
from tests.process.conftest import get
from tests.process.test_workers import wait_gone


def script(directory: Path, code: str) -> Server:
    """Run a script whose ``app`` is that of these tests."""
    path = directory / "main.py"
    setup = f"""\
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    import tricorn
    from tests.process.app_asgi import app
    from tests.process.lifespans import failing_app
    """
    text = textwrap.dedent(setup) + f'if __name__ == "__main__":\n    {code}\n    print("after")\n'
    path.write_text(text)
    return Server([], cwd=directory, program=(str(path),))


@pytest.mark.parametrize(("app", "name"), [("app", "app"), ('"main:app"', "main:app")])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serves_until_a_signal(tmp_path: Path, app: str, name: str, number: signal.Signals) -> None:
    with ended(script(tmp_path, f"tricorn.run({app}, port=0)")) as server:
        server.wait_ready(1)
        assert f" INFO serving {name} (ASGI 3) on http://" in server.stderr.text()
        with server.connect() as wire:
            assert wire.ask(get("/quick")).body == b"quick"
        assert server.stop(number) == 0
        assert server.stdout.text() == "after\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ('tricorn.run("missing:app", port=0)', 1, 'there is no module "missing"'),
        ("tricorn.run(app, bind='nowhere.invalid:0')", 1, "is not known"),
        ("tricorn.run(failing_app, port=0)", 3, "tricorn: the application's startup failed"),
        ("tricorn.run(object(), port=0)", 1, "object is not an application"),
    ],
)
def test_ends_as_the_command_does(tmp_path: Path, code: str, exit_code: int, said: str) -> None:
    with ended(script(tmp_path, code)) as server:
        assert server.wait_exit() == exit_code
        assert said in server.stderr.text()
        assert "Traceback" not in server.stderr.text()
        assert server.stdout.text() == ""


def test_a_wrong_keyword_is_the_callers_error(tmp_path: Path) -> None:
    code = "tricorn.run(app, prot=8000)"
    with ended(
        script(
            tmp_path,
            f"""
    try: {code}
    except tricorn.ConfigError as error: print(error)""".lstrip(),
        )
    ) as server:
        assert server.wait_exit() == 0
        assert "argument prot: is not a setting; did you mean port?" in server.stdout.text()


def test_in_the_background(tmp_path: Path) -> None:
    settings = f"daemon=True, error_log='errors', pid='pid', bind='unix:{tmp_path / 'socket'}'"
    first = script(tmp_path, f"tricorn.run(app, {settings})")
    assert first.wait_exit() == 0
    assert "serving app (ASGI 3)" in first.stderr.text()
    pid = int((tmp_path / "pid").read_text())
    try:
        with Wire.connect(tmp_path / "socket", deadline=10) as wire:
            assert wire.ask(get("/quick")).body == b"quick"
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_gone(pid)
    assert not (tmp_path / "pid").exists()
