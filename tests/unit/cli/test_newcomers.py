"""What people who come from Gunicorn and Uvicorn type, set and keep in files: never silence."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tricorn.cli.options import parse
from tricorn.config import Config
from tricorn.config.catalogue import BY_NAME, SETTINGS
from tricorn.config.foreign import advice
from tricorn.config.idle import CONDITIONS, tell_idle
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
    "--uds": "--bind unix:1",
    "--fd": "--bind fd://1",
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
    assert 'argument uds: is not a setting; write bind="unix:PATH"' in str(error.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"uds": "/x"}, 'uds: is not a setting; write bind="unix:PATH"'),
        ({"timeout": 30}, "does nothing without worker processes; add workers=1 or more, or leave"),
        ({"scale_up_after": 3, "workers": 1}, 'without a range of workers; add workers="2..8"'),
        ({"uds_mode": "660"}, 'without a unix socket; add bind="unix:PATH"'),
        ({"reload_delay": 3}, "does nothing without reload; add that"),
        ({"http2_streams": 3, "http2": "off"}, 'does nothing with http2="off"; leave'),
        ({"no_sendfile": True}, "leave it out; it is used where it can be"),
        ({"control_socket_disable": True}, "write control_socket=False"),
        ({"proxy_headers": False, "secure_scheme_headers": "x=y"}, "with proxy_headers=False; "),
        ({"http_protocols": "h1"}, 'write http2="on", or http2="off"'),
        ({"port": 1, "bind": ":1"}, "host and port are another way to write bind"),
        ({"bind": ("a:1,b:1",)}, "is several addresses; give bind for each"),
        ({"pid": "8000"}, "for the port write port=8000"),
        ({"root_path": "--port 1"}, '"--port 1" '),
    ],
)
def test_a_call_is_answered_in_its_own_words(settings: dict[str, object], told: str) -> None:
    import tricorn

    with pytest.raises(ConfigError) as error:
        tricorn.run(lambda: None, **settings)
    assert told in str(error.value)
    assert error.value.__suppress_context__


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


def test_an_application_as_the_file(run: Run, site: Path) -> None:
    """-c, as if it named what to serve."""
    done = run("-c", "main.py")
    assert done.returncode == 2
    assert done.stderr.endswith(
        "main.py: is an application, and not a file with settings; write tricorn main:app\n"
    )


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


# ---- what does nothing where it is given


@pytest.mark.parametrize("command", [(), ("check",)])
def test_settings_that_do_nothing_alone(run: Run, site: Path, command: tuple[str, ...]) -> None:
    typed = ("--max-requests", "9", "--preload", "--user", "nobody", "--timeout", "30")
    done = run(*command, "main:app", *typed, "--control-socket", "auto")
    assert done.returncode == 2
    assert done.stderr.startswith("tricorn: 5 settings are wrong\n")
    assert "command line --max-requests: does nothing without worker processes" in done.stderr
    assert "command line --preload: does nothing" in done.stderr
    assert "command line --user: does nothing" in done.stderr
    assert "command line --timeout: does nothing" in done.stderr
    assert "command line --control-socket: does nothing" in done.stderr
    assert "add --workers 1" in done.stderr


def test_a_file_may_be_shared_with_production(run: Run, site: Path) -> None:
    """What it says of workers is told once, of reloads never, and nothing of it is refused."""
    (site / "tricorn.toml").write_text('[process]\nmax-memory = "1g"\ntimeout = 30\n')
    for command in ("check", "main:app"), ("main:app", "--bind", "nowhere.invalid:1"):
        done = run(*command, TRICORN_MAX_REQUESTS="9")
        assert done.returncode in (0, 1)
        (line,) = [one for one in done.stderr.splitlines() if "nothing" in one]
        told = "tricorn.toml:3 process.timeout, environment TRICORN_MAX_REQUESTS, tricorn.toml:2 "
        assert f"{told}process.max-memory: do nothing without worker processes" in line
    (site / "tricorn.toml").write_text(
        '[process]\nmax-memory = "1g"\n[development]\nreload-delay = 1'
    )
    assert run("check", "main:app", "--workers", "1", TRICORN_MAX_REQUESTS="9").stderr == ""


NEEDS = {
    ("--reload-dir", "."): "--reload",
    ("--reload-include", "*.html"): "--reload",
    ("--reload-exclude", "x"): "--reload",
    ("--reload-extra-file", ".env"): "--reload",
    ("--no-reload-gitignore",): "--reload",
    ("--reload-delay", "100ms"): "--reload",
    ("--reload-engine", "poll"): "--reload",
    ("--max-queued", "100"): "--max-in-flight",
    ("--queue-timeout", "5"): "--max-in-flight",
    ("--workers", "2", "--max-requests-jitter", "9"): "--max-requests",
    ("--workers", "2", "--max-lifetime-jitter", "9"): "--max-lifetime",
    ("--workers", "2", "--scale-up-after", "1"): "a range of workers; add --workers 2..8",
    ("--workers", "2", "--scale-down-after", "9"): "a range of workers",
    ("--workers", "2", "--rollback-after", "9"): "--rollback-errors",
    ("--workers", "2", "--rollback-window", "9"): "--rollback-errors",
    ("--uds-mode", "660"): "a unix socket; add --bind unix:PATH",
    ("--uds-owner", "root"): "a unix socket",
    ("--tls-key-password", "x"): "a certificate; add --tls-cert",
    ("--tls-key-password-file", "x"): "a certificate",
    ("--tls-min-version", "1.2"): "a certificate",
    ("--tls-client-ca", "x"): "a certificate",
    ("--tls-client-crl", "x"): "a certificate",
    ("--tls-ocsp", "x"): "a certificate",
    ("--tls-ticket-rotation", "9"): "a certificate",
    ("--tls-watch", "9"): "a certificate",
    ("--http2", "off", "--http2-streams", "9"): "--http2 off",
    ("--http2", "off", "--http2-cleartext", "trusted"): "--http2 off",
    ("--http2", "off", "--http2-stream-window", "1m"): "--http2 off",
    ("--http2", "off", "--http2-window", "1m"): "--http2 off",
    ("--ws-ping-interval", "0", "--ws-ping-timeout", "9"): "--ws-ping-interval 0",
    ("--no-ws-per-message-deflate", "--ws-window-bits", "9"): "--no-ws-per-message-deflate",
    ("--no-ws-per-message-deflate", "--no-ws-context-takeover"): "--no-ws-per-message-deflate",
    ("--no-proxy-headers", "--forwarded-headers", "forwarded"): "--no-proxy-headers",
    ("--no-proxy-headers", "--secure-scheme-headers", "x=y"): "--no-proxy-headers",
    ("--proxy-allow-from", "::1"): "--proxy-protocol",
    ("--no-access-log", "--access-log-format", "json"): "--no-access-log",
    ("--no-access-log", "--access-log-exclude", "/health"): "--no-access-log",
}
"""What is given, and what its last option needs, or why it does nothing."""


@pytest.mark.parametrize("options", NEEDS, ids=" ".join)
def test_a_setting_that_needs_another(options: tuple[str, ...]) -> None:
    typed = parse("tricorn", "Serve.", ["main:app", *options])
    with pytest.raises(ConfigError) as error:
        tell_idle(Config.load(typed.values, environ={}, directory=Path("/nowhere")))
    idle = [one for one in options if one.startswith("--")][-1].replace("--no-", "--")
    is_off = f"{NEEDS[options]} " in " ".join(options)
    text = f"command line {idle}: does nothing {'with' if is_off else 'without'} {NEEDS[options]}"
    assert text in str(error.value)
    assert len(str(error.value).splitlines()) == 2


def test_all_that_is_needed_is_there() -> None:
    needs = {one.flag: one.declared["needs"] for one in SETTINGS if "needs" in one.declared}
    assert set(needs.values()) <= {*BY_NAME, *CONDITIONS}
    tried = {one.replace("--no-", "--") for options in NEEDS for one in options}
    assert {flag for flag in needs if needs[flag] != "worker processes"} <= tried


@pytest.mark.parametrize(
    "options",
    [
        ("--max-requests", "9", "--workers", "1"),
        ("--max-requests", "9", "--reload"),
        ("--max-requests", "0"),
        ("--no-preload",),
        ("--no-control-socket",),
        ("--timeout", "5", "--warmup-path", "/"),
        ("--reload", "--reload-dir", "."),
        ("--max-queued", "9", "--max-in-flight", "9"),
        ("--bind", "unix:x", "--uds-mode", "660"),
        ("--scale-up-after", "9", "--workers", "2..3"),
        ("--access-log-format", "json", "--access-log=stderr"),
        ("--proxy-protocol", "v2", "--proxy-allow-from", "::1"),
    ],
)
def test_settings_that_do_something_or_are_off(
    run: Run, site: Path, options: tuple[str, ...]
) -> None:
    done = run("check", "main:app", *options)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_format_of_an_access_log_that_is_off_by_itself(run: Run, site: Path) -> None:
    """No mistake: it is on on a terminal. But nobody would know why there are no lines."""
    done = run("main:app", "--bind", "nowhere.invalid:1", "--access-log-format", "json")
    assert "command line --access-log-format: does nothing without --access-log" in done.stderr
    assert "WARNING" in done.stderr


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
