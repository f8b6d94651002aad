"""What people who come from Gunicorn and Uvicorn type, set and keep in files: never silence."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tricorn.cli.options import parse
from tricorn.config import Config
from tricorn.config.catalogue import SETTINGS
from tricorn.config.foreign import advice
from tricorn.config.reference import page
from tricorn.errors import ConfigError

Run = Callable[..., "subprocess.CompletedProcess[str]"]

COUNTERPARTS = {
    "--access-logfile": "--access-log",
    "--access-logformat": "--access-log-format",
    "--error-logfile": "--error-log",
    "--log-file": "--error-log",
    "--log-config-json": "--log-config",
    "--certfile": "--tls-cert",
    "--keyfile": "--tls-key",
    "--ca-certs": "--tls-client-ca",
    "--cert-reqs": "--tls-client-auth",
    "--ssl-version": "--tls-min-version",
    "--ssl-keyfile": "--tls-key",
    "--ssl-certfile": "--tls-cert",
    "--ssl-keyfile-password": "--tls-key-password",
    "--ssl-ca-certs": "--tls-client-ca",
    "--chdir": "--app-dir",
    "--pythonpath": "--app-dir",
    "--check-config": "tricorn check",
    "--print-config": "tricorn check",
    "--name": "--proc-name",
    "--header-map": "--underscore-headers",
    "--asgi-loop": "--loop",
    "--asgi-lifespan": "--lifespan",
    "--http-protocols": "--http2",
    "--http2-max-concurrent-streams": "--http2-streams",
    "--websocket-max-message-size": "--ws-max-size",
    "--limit-request-line": "--target-size",
    "--limit-request-fields": "--head-fields",
    "--limit-request-field_size": "--head-size",
    "--limit-concurrency": "--max-in-flight",
    "--limit-max-requests": "--max-requests",
    "--limit-max-requests-jitter": "--max-requests-jitter",
    "--timeout-keep-alive": "--keep-alive",
    "--timeout-graceful-shutdown": "--graceful-timeout",
    "--timeout-worker-healthcheck": "--timeout",
    "--h11-max-incomplete-event-size": "--head-size",
    "--use-colors": "--color",
    "--no-use-colors": "--color",
    "--uds": "--bind unix:PATH",
    "--fd": "--bind fd://N",
    "--worker-class": "--threads",
    "-k": "--threads",
    "--env": "before the command",
    "-e": "before the command",
    "--env-file": "before the command",
    "--http": "leave it out",
    "--ws": "leave it out",
    "--no-sendfile": "leave it out",
    "--worker-tmp-dir": "leave it out",
    "--initgroups": "leave it out",
    "--statsd-host": "nothing like it",
    "--dirty-app": "nothing like it",
    "--paste": "nothing like it",
    "--header": "nothing like it",
}


def refusal(*arguments: str) -> str:
    """What is said about a command line."""
    with pytest.raises(ConfigError) as error:
        parse("tricorn", "Serve.", arguments)
    return str(error.value)


@pytest.mark.parametrize(("flag", "instead"), COUNTERPARTS.items())
def test_a_flag_of_theirs_is_answered_with_ours(flag: str, instead: str) -> None:
    (line,) = [one for one in refusal("main:app", flag, "1").splitlines() if flag in one]
    assert instead in line
    assert "did you mean" not in line


def test_every_name_of_the_table_is_answered() -> None:
    declared = [
        name
        for setting in SETTINGS
        for name in (setting.declared.get("gunicorn"), setting.declared.get("uvicorn"))
        if name
    ]
    assert len(declared) > 60
    assert [name for name in declared if not advice(name)] == []


def test_all_unknown_flags_are_told_at_once() -> None:
    text = refusal("main:app", "--keyfile=k.pem", "-w", "4", "--uds", "/x", "--prot", "1", "-kx")
    assert text.startswith("4 options are not known\n")
    lines = [line.split(":")[0].strip() for line in text.splitlines()[1:-1]]
    assert lines == ["--keyfile", "--uds", "--prot", "-k"]
    assert "did you mean --port?" in text
    assert text.endswith('Try "tricorn --help".')


def test_values_are_no_options() -> None:
    typed = parse("tricorn", "Serve.", ["main:app", "--root-path", "--uds", "-w", "-k", "-b=:1"])
    assert typed.values["root_path"] == "--uds"
    assert typed.values["workers"] == "-k"


def test_a_keyword_of_theirs() -> None:
    with pytest.raises(ConfigError) as error:
        Config.make(limit_concurrency=5, uds="/x")
    assert "argument limit_concurrency: is not a setting; write max_in_flight" in str(error.value)
    assert "argument uds: is not a setting; write --bind unix:PATH" in str(error.value)


def test_names_of_theirs_in_the_file(run: Run, site: Path) -> None:
    (site / "tricorn.toml").write_text('[tls]\nkeyfile = "k"\n[process]\nworker_class = "gthread"')
    done = run("check", "main:app")
    assert "tls.keyfile: is not a setting of [tls]; write tls.key" in done.stderr
    assert "process.worker_class: is not a setting of [process]; leave it out" in done.stderr


def test_names_of_theirs_in_the_environment(run: Run, site: Path) -> None:
    done = run("check", "main:app", TRICORN_LIMIT_CONCURRENCY="5")
    name = "TRICORN_MAX_IN_FLIGHT"
    assert f"TRICORN_LIMIT_CONCURRENCY: is not a setting; write {name}" in done.stderr


def test_the_page_has_what_has_no_setting() -> None:
    assert "| `worker_class` | leave it out" in page()
    assert "| `uds` | write --bind unix:PATH" in page()


# ---- what they keep elsewhere


@pytest.mark.parametrize(
    ("variable", "value", "instead"),
    [
        (
            "GUNICORN_CMD_ARGS",
            "--keyfile k.pem -w 3 --timeout=9",
            "--keyfile as --tls-key, -w as --workers, --timeout",
        ),
        ("UVICORN_LIMIT_CONCURRENCY", "5", "TRICORN_MAX_IN_FLIGHT"),
        ("UVICORN_RELOAD_DIRS", "src", "TRICORN_RELOAD_DIR"),
        ("UVICORN_FD", "3", "--bind fd://N"),
    ],
)
def test_a_variable_of_theirs(
    run: Run, site: Path, variable: str, value: str, instead: str
) -> None:
    done = run("check", "main:app", **{variable: value})
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert f"environment {variable}: is not read" in line
    assert instead in line


def test_a_file_of_theirs(run: Run, site: Path) -> None:
    (site / "gunicorn.conf.py").write_text("import os\nworkers = 3\ncertfile = os.getcwd()\n")
    done = run("check", "main:app")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "gunicorn.conf.py: is not read" in line
    assert "workers as process.workers, certfile as tls.cert" in line


def test_a_file_of_theirs_by_name(run: Run, site: Path) -> None:
    (site / "gunicorn.conf.py").write_text("bind = ':1'\ndef on_exit(server): ...\n")
    done = run("main:app", "-c", "gunicorn.conf.py")
    assert done.returncode == 2
    assert "TOML:" not in done.stderr
    assert "gunicorn.conf.py: is Python, as Gunicorn's configuration is" in done.stderr
    assert "bind as listen.bind" in done.stderr
    assert "on_exit: nothing like it" in done.stderr


@pytest.mark.parametrize("named", ["python:settings", "file:gunicorn.conf.py"])
def test_other_ways_to_name_it(run: Run, site: Path, named: str) -> None:
    (site / "gunicorn.conf.py").write_text("workers = 3\n")
    done = run("main:app", "-c", named)
    assert done.returncode == 2
    assert "is Python, as Gunicorn's configuration is" in done.stderr


def test_a_serving_process_says_so_too(run: Run, site: Path) -> None:
    done = run(
        "main:app", "--bind", "nowhere.invalid:1", UVICORN_PORT="9", GUNICORN_CMD_ARGS="-w 2"
    )
    assert "environment UVICORN_PORT: is not read" in done.stderr
    assert "environment GUNICORN_CMD_ARGS: is not read" in done.stderr


# ---- what does nothing in one process


@pytest.mark.parametrize("command", [(), ("check",)])
def test_settings_that_do_nothing_alone(run: Run, site: Path, command: tuple[str, ...]) -> None:
    (site / "tricorn.toml").write_text('[process]\nmax-memory = "1g"\n')
    done = run(*command, "main:app", "--max-requests", "9", "--preload", "--user", "nobody")
    assert done.returncode == 2
    assert done.stderr.startswith("tricorn: 4 settings are wrong\n")
    assert "command line --max-requests: does nothing without worker processes" in done.stderr
    assert "command line --preload: does nothing" in done.stderr
    assert "command line --user: does nothing" in done.stderr
    assert "tricorn.toml:2 process.max-memory: does nothing" in done.stderr
    assert "add --workers 1" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--max-requests", "9", "--workers", "1"),
        ("--max-requests", "9", "--reload"),
        ("--max-requests", "0"),
        ("--no-preload",),
        ("--no-control-socket",),
        ("--timeout", "5", "--warmup-path", "/"),
    ],
)
def test_settings_that_do_something_or_are_off(
    run: Run, site: Path, options: tuple[str, ...]
) -> None:
    done = run("check", "main:app", *options)
    assert (done.returncode, done.stderr) == (0, "")


def test_run_refuses_them_too() -> None:
    import tricorn

    with pytest.raises(ConfigError, match="argument max_requests: does nothing without worker"):
        tricorn.run(lambda: None, max_requests=5)


def test_an_object_cannot_be_loaded_anew() -> None:
    import tricorn

    def app(environ: object, start_response: object) -> list[bytes]:
        return []

    with pytest.raises(ConfigError, match='as run\\("module:attribute", reload=True\\)'):
        tricorn.run(app, reload=True, port=0)
