"""The settings about operations: Gunicorn's spellings, and values that cannot be right."""

from __future__ import annotations

import pytest

from tricorn.cli.options import parse
from tricorn.config import Config
from tricorn.config.operations import Operations
from tricorn.errors import ConfigError


def typed(*arguments: str) -> Operations:
    values = parse("tricorn", "Serve.", ["main:app", *arguments]).values
    return Config.load(values, environ={}).operations


def test_nothing_is_on_by_itself() -> None:
    assert typed() == Operations()
    assert Operations() == Operations(
        pidfile=None,
        daemon=False,
        user=None,
        group=None,
        umask=None,
        proc_name="tricorn",
        control_socket="auto",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "a.pid", "-D", "-u", "www", "-g", "33", "-m", "0027", "-n", "shop"],
        ["--pid=a.pid", "--daemon", "--user=www", "--group=33", "--umask=027", "--proc-name=shop"],
    ],
)
def test_short_and_long(arguments: list[str]) -> None:
    assert typed(*arguments) == Operations(
        pidfile="a.pid", daemon=True, user="www", group="33", umask=0o027, proc_name="shop"
    )


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--no-control-socket"], "off"),
        (["--control-socket", "off"], "off"),
        (["--control-socket", "/run/app/control"], "/run/app/control"),
    ],
)
def test_control_socket(arguments: list[str], value: str) -> None:
    assert typed(*arguments).control_socket == value


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--pid", ""], '--pid: "" is not a path'),
        (["--umask", "9"], '--umask: "9" is not a file mode'),
        (["--proc-name", " "], '--proc-name: " " is not a name'),
        (["--proc-name", "a\nb"], "is not a name"),
        (["--user", ""], '--user: "" is not a name'),
        (["--control-socket", ""], '--control-socket: "" has no path'),
        (["--control-socket", "x" * 108], "has a path of 108 bytes"),
    ],
)
def test_mistakes(arguments: list[str], problem: str) -> None:
    with pytest.raises(ConfigError) as error:
        typed(*arguments)
    assert problem in str(error.value)
