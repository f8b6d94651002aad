"""The command line as it is typed, and its help."""

from __future__ import annotations

import re

import pytest

from tricorn.cli.options import parse
from tricorn.config.catalogue import SECTIONS, SETTINGS, heading
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError


def typed(*arguments: str) -> dict[str, object]:
    return parse("tricorn", "Serve.", arguments).values


@pytest.fixture(scope="module")
def help_text() -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        return _help()


def _help() -> str:
    import contextlib
    import io

    output = io.StringIO()
    with contextlib.redirect_stdout(output), pytest.raises(SystemExit) as done:
        parse("tricorn", "Serve.", ["--help-all"])
    assert done.value.code == 0
    return re.sub(r"\s+", " ", output.getvalue())


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_in_the_help(help_text: str, setting: Setting) -> None:
    shown = setting.metavar if setting.declared.get("argument") else setting.flag
    assert f" {shown} " in help_text
    assert re.sub(r"\s+", " ", setting.help) in help_text


def test_help_is_grouped_by_section(help_text: str) -> None:
    positions = [help_text.index(f"{title} ({about}):") for title, about in map(heading, SECTIONS)]
    assert positions == sorted(positions)
    port, head_size = help_text.index("--port"), help_text.index("--head-size ")
    assert positions[1] < port < positions[2] < head_size


@pytest.mark.parametrize(
    ("arguments", "values"),
    [
        ([], {}),
        (["main:app"], {"app": "main:app"}),
        (["main:app", "--port", "1"], {"app": "main:app", "port": "1"}),
        (["--port=1", "main:app"], {"app": "main:app", "port": "1"}),
        (["-b", ":1", "--bind", ":2"], {"bind": (":1", ":2")}),
        (["-w", "4"], {"workers": "4"}),
        (["--factory"], {"factory": True}),
        (["--no-factory"], {"factory": False}),
        (["--no-server-header", "--date-header"], {"server_header": False, "date_header": True}),
        (["--root-path", ""], {"root_path": ""}),
        (["--keep-alive", "2m", "--threads", "9"], {"keep_alive": "2m", "threads": "9"}),
        (["--access-log"], {"access_log": "stdout"}),
        (["--access-log", "--port", "1"], {"access_log": "stdout", "port": "1"}),
        (["--access-log", "-", "main"], {"access_log": "-", "app": "main"}),
        (["--access-log", "a.log", "main"], {"access_log": "a.log", "app": "main"}),
        (["--access-log=a.log"], {"access_log": "a.log"}),
        (["main", "--no-access-log"], {"access_log": "off", "app": "main"}),
        (["--access-log", "x", "--no-access-log"], {"access_log": "off"}),
        (["--no-access-log", "--access-log"], {"access_log": "stdout"}),
        (["--workers", "wrong", "--port", "wrong"], {"workers": "wrong", "port": "wrong"}),
    ],
)  # fmt: skip
def test_values_are_gathered_as_typed(arguments: list[str], values: dict[str, object]) -> None:
    assert typed(*arguments) == values


@pytest.mark.parametrize("flag", ["--config", "-c"])
def test_configuration_file(flag: str) -> None:
    command_line = parse("tricorn", "Serve.", ["main", flag, "x.toml"])
    assert command_line.config == "x.toml"
    assert command_line.values == {"app": "main"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--prot", "1"], "--port"),
        (["main", "other"], "other"),
        (["--port"], "--port"),
    ],
)
def test_usage_errors(arguments: list[str], reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        typed(*arguments)
    assert reason in str(error.value)
    assert str(error.value).endswith('Try "tricorn --help".')
