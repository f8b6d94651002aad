"""The error log: where it goes, how it looks, and what a logging configuration file may do."""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tricorn.config import Config
from tricorn.config.serving import Logs
from tricorn.errors import ConfigError
from tricorn.logs.error_log import LOGGER, configure, use_colors


@pytest.fixture(autouse=True)
def untouched_logging() -> Iterator[None]:
    """Put the logging module back as it was."""
    loggers = [logging.getLogger(), logging.getLogger(LOGGER)]
    before = [(one.handlers[:], one.level, one.propagate, one.disabled) for one in loggers]
    yield
    for logger, (handlers, level, propagate, disabled) in zip(loggers, before, strict=True):
        for handler in logger.handlers:
            if handler not in handlers:
                handler.close()
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def logs(**settings: object) -> Logs:
    return Config.make(**settings).logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("destination", "stream"), [("stderr", "err"), ("-", "err"), ("stdout", "out")]
)
def test_goes_to_a_stream(
    capsys: pytest.CaptureFixture[str], destination: str, stream: str
) -> None:
    configure(logs(error_log=destination))
    logging.getLogger("tricorn.worker").info("hello %s", "you")
    captured = capsys.readouterr()
    other = {"err": "out", "out": "err"}[stream]
    line = getattr(captured, stream)
    assert getattr(captured, other) == ""
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"
    assert re.fullmatch(rf"{time} \[{os.getpid()}\] INFO hello you\n", line)


def test_goes_to_a_file_once_and_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text("before\n")
    for _ in range(2):
        configure(logs(error_log=str(path), color="always"))
    logging.getLogger(LOGGER).error("héllo")
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "before"
    assert lines[1].endswith("ERROR héllo")
    assert len(lines) == 2


def test_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure(logs(log_level="warning"))
    logging.getLogger(LOGGER).info("quiet")
    logging.getLogger(LOGGER).warning("loud")
    assert re.search("loud\n$", capsys.readouterr().err)
    assert "quiet" not in capsys.readouterr().err


def test_the_root_logger_of_the_application_does_not_double_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(logs())
    logging.getLogger().addHandler(logging.StreamHandler())
    logging.getLogger(LOGGER).info("once")
    assert capsys.readouterr().err.count("once") == 1


@pytest.mark.parametrize(
    ("setting", "terminal", "no_color", "colored"),
    [
        ("auto", True, "", True),
        ("auto", False, "", False),
        ("auto", True, "1", False),
        ("always", False, "1", True),
        ("never", True, "", False),
    ],
)
def test_use_colors(
    monkeypatch: pytest.MonkeyPatch, setting: str, terminal: bool, no_color: str, colored: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    assert use_colors(setting, Terminal() if terminal else io.StringIO()) is colored


def test_colors_the_line_and_not_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    configure(logs(color="always"))
    try:
        raise KeyError("k")
    except KeyError:
        logging.getLogger(LOGGER).exception("failed")
    first, *rest = capsys.readouterr().err.splitlines()
    assert first.startswith("\x1b[31m") and first.endswith("ERROR failed\x1b[0m")
    assert rest and "\x1b" not in "".join(rest)


def test_file_that_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "none" / "error.log"
    with pytest.raises(ConfigError) as error:
        configure(logs(error_log=str(path)))
    assert str(error.value) == f'--error-log: cannot open "{path}": No such file or directory'


class TestLogConfig:
    DICT: dict[str, Any] = {  # noqa: RUF012 (read only)
        "formatters": {"ours": {"format": "<%(message)s>"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "loggers": {"tricorn": {"handlers": ["out"], "level": "INFO"}},
    }
    TOML = """
[formatters.ours]
format = "<%(message)s>"
[handlers.out]
class = "logging.StreamHandler"
formatter = "ours"
[loggers.tricorn]
handlers = ["out"]
level = "INFO"
"""
    INI = """
[loggers]
keys=root,tricorn
[handlers]
keys=out
[formatters]
keys=ours
[logger_root]
handlers=
[logger_tricorn]
qualname=tricorn
level=INFO
handlers=out
[handler_out]
class=StreamHandler
formatter=ours
[formatter_ours]
format=<%(message)s>
"""

    @pytest.mark.parametrize(
        ("name", "text"), [("log.json", json.dumps(DICT)), ("log.toml", TOML), ("log.ini", INI)]
    )
    def test_replaces_the_handler_and_keeps_loggers(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, text: str
    ) -> None:
        existing = logging.getLogger("tricorn.worker")
        (tmp_path / name).write_text(text)
        configure(logs(log_config=str(tmp_path / name)))
        existing.info("hello")
        assert capsys.readouterr().err == "<hello>\n"

    @pytest.mark.parametrize(
        ("name", "text", "reason"),
        [
            ("log.json", "{", "is not valid: Expecting"),
            ("log.toml", "x", "is not valid: Expected"),
            ("log.ini", "x", "is not valid: "),
            ("log.yaml", "", "its name must end in .json, .toml, .ini, .conf or .cfg"),
            (
                "log.json",
                '{"handlers": {"h": {"class": "no.such.Handler"}}}',
                "is not valid: Unable to configure handler 'h' (",
            ),
        ],
    )
    def test_wrong_file(self, tmp_path: Path, name: str, text: str, reason: str) -> None:
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ConfigError) as error:
            configure(logs(log_config=str(path)))
        assert str(error.value).startswith(f'--log-config: "{path}" ')
        assert reason in str(error.value)

    def test_missing_file(self, tmp_path: Path) -> None:
        path = tmp_path / "none.json"
        with pytest.raises(ConfigError, match=r'cannot read ".*none\.json": No such file'):
            configure(logs(log_config=str(path)))
