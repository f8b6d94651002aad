"""Words that are no command and no application: what other tools call it, and what is misspelt."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run", "main:app"), '"run" is no command; write tricorn main:app\n'),
        (("serve", "main:app", "-w", "2"), "; write tricorn main:app -w 2\n"),
        (("dev", "--port", "1", "main:app"), "; write tricorn --port 1 main:app\n"),
        (("run",), '"run" is neither a command nor a module; write tricorn APP, as main:app\n'),
        (("run", "--reload"), "; write tricorn APP, as main:app\n"),
        (("run", "qs/hello.py"), "; write tricorn qs.hello:app\n"),
        (("dev", "./main.py", "--port", "1"), "; write tricorn main:app --port 1\n"),
        (
            ("uvicorn", "main:app", "-w", "2"),
            '"uvicorn" is no command; write tricorn main:app -w 2\n',
        ),
        (("gunicorn", "main:app"), '"gunicorn" is no command; write tricorn main:app\n'),
        (("runserver",), "; write tricorn mysite.wsgi\n"),
        (("runserver", "8000"), "; write tricorn mysite.wsgi --port 8000\n"),
        (("runserver", "[::]:80", "--reload"), "tricorn mysite.wsgi --bind '[::]:80' --reload\n"),
        (("help", "runserver"), "; write tricorn mysite.wsgi\n"),
        (("statu",), '"statu" is neither a command nor a module; did you mean tricorn status?\n'),
        (("relaod", "--reload"), "; did you mean tricorn reload?\n"),
        (("relaod", "main:app"), '"relaod" is no command; did you mean tricorn reload?\n'),
        (("restart",), "; did you mean tricorn reload?\n"),
        (("chek", "main:app"), '"chek" is no command; did you mean tricorn check?\n'),
        (("help", "run"), '"run" is no command; write tricorn APP, as main:app\n'),
        (("help", "restart"), '"restart" is no command; did you mean tricorn reload?\n'),
    ],
)
def test_what_is_meant_is_told(run: Run, site: Path, words: tuple[str, ...], told: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("tricorn: ")
    assert done.stderr.endswith(told)


def test_runserver_in_a_project(run: Run, site: Path) -> None:
    (site / "shop").mkdir()
    (site / "shop" / "wsgi.py").touch()
    assert run("runserver", "80").stderr.endswith("; write tricorn shop.wsgi --port 80\n")


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("statu", "--json"), "status"), (("relaod", "--control", "1"), "reload")],
)
def test_with_options_of_the_command_that_is_meant(
    run: Run, site: Path, words: tuple[str, ...], meant: str
) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr == f'tricorn: "{words[0]}" is no command; did you mean tricorn {meant}?\n'


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run main:app --ssl-keyfile x", "tricorn main:app --tls-key x"),
        (
            "uvicorn main:app --timeout-keep-alive=5 --port 1",
            "tricorn main:app --keep-alive 5 --port 1",
        ),
        ("gunicorn -k gthread -w 2 main:app", "tricorn -w 2 main:app"),
        ("gunicorn --no-sendfile main:app", "tricorn main:app"),
        ("uvicorn --use-colors main:app", "tricorn --color always main:app"),
        ("gunicorn main:app --statsd-host x --keyfile y", "tricorn main:app"),
    ],
)
def test_with_options_of_other_servers(run: Run, site: Path, words: str, told: str) -> None:
    """What is told can be typed."""
    done = run(*words.split())
    assert done.returncode == 2
    assert f'  "{words.split()[0]}" is no command; write {told}\nTry ' in done.stderr


@pytest.mark.parametrize("name", ["run", "statu", "start"])
def test_a_module_of_such_a_name_is_served(run: Run, site: Path, name: str) -> None:
    (site / "main.py").rename(site / f"{name}.py")
    done = run(name, "--bind", "nowhere.invalid:1")
    assert done.returncode == 1
    assert "nowhere.invalid" in done.stderr


def test_a_module_of_such_a_name_elsewhere(run: Run, site: Path) -> None:
    (site / "src").mkdir()
    (site / "main.py").rename(site / "src" / "run.py")
    done = run("run", "--bind", "nowhere.invalid:1", TRICORN_APP_DIR="src")
    assert done.returncode == 1
    assert "nowhere.invalid" in done.stderr


def test_another_word_is_a_module_that_is_missing(run: Run, site: Path) -> None:
    done = run("mian")
    assert done.returncode == 1
    assert 'there is no module "mian"; did you mean main?' in done.stderr


@pytest.mark.parametrize("command", [(), ("check",)])
def test_more_than_one_application(run: Run, site: Path, command: tuple[str, ...]) -> None:
    done = run(*command, "main:app", "other:app")
    assert done.returncode == 2
    assert '"other:app" is one word too many: a server has one application' in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("main:app", "stop"), '"stop" is a command; write tricorn stop --control main:app\n'),
        (("main:app", "check"), '"check" is a command; write tricorn check main:app\n'),
        (("-V",), "-V: is not an option; write --version\n"),
        (("-v",), "-v: is not an option; write --version, or --log-level debug\n"),
    ],
)
def test_other_habits(run: Run, site: Path, words: tuple[str, ...], told: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.parametrize("command", ["status", "reload", "stop"])
def test_which_server_is_an_option(run: Run, command: str) -> None:
    done = run(command, "main:app")
    assert done.returncode == 2
    assert f"write tricorn {command} --control main:app" in done.stderr
