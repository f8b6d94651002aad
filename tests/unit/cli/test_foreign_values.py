"""Values that other servers take: what to write is told with the value, or the value is taken."""

from __future__ import annotations

import re

import pytest
from tests.unit.cli.test_newcomers import refusal

from tricorn.config import Config
from tricorn.config.catalogue import BY_NAME
from tricorn.errors import ConfigError

WRITE = {
    ("--timeout-keep-alive", "5"): "write --keep-alive 5",
    ("--timeout-graceful-shutdown=10",): "write --graceful-timeout 10",
    ("--limit-concurrency", "10"): "write --max-in-flight 10",
    ("--limit-request-line", "4094"): "write --target-size 4094",
    ("--limit-request-line", "0"): 'write --target-size; "0" is too small; the least is 256',
    ("--ssl-cert-reqs", "2"): "write --tls-client-auth required",
    ("--cert-reqs", "1"): "write --tls-client-auth optional",
    ("--cert-reqs", "0"): "write --tls-client-auth none",
    ("--header-map", "dangerous"): "write --underscore-headers keep",
    ("--header-map", "refuse"): "write --underscore-headers refuse",
    ("--use-colors",): "write --color always",
    ("--no-use-colors",): "write --color never",
    ("--uds", "/run/a.sock"): "write --bind unix:/run/a.sock",
    ("--fd=3",): "write --bind fd://3",
    ("--env", "A=B"): "set it before the command: A=B tricorn APP",
    ("-e", "A=B C"): "set it before the command: A='B C' tricorn APP",
    ("--timeout-worker-healthcheck", "7"): "write --timeout 7",
    ("--access-logfile", "-"): "write --access-log -",
    ("--access-logfile", "a b"): "write --access-log 'a b'",
    ("--http-protocols", "h2,h1"): "write --http2 on",
    ("--http-protocols", "h1"): "write --http2 off",
    ("--http-protocols", "h2"): "write --http2 only",
    ("--ssl-version", "TLSv1_2"): "write --tls-min-version 1.2",
    ("--ssl-version", "17"): "write --tls-min-version VERSION",
    ("--ssl-keyfile-password", "hidden"): "write --tls-key-password",
    ("--ws", "none"): "leave it out; WebSocket is built in",
    ("--worker-class", "gevent"): "leave it out; WSGI and ASGI are told apart",
    ("--chdir",): "write --app-dir",
    ("--chdir", "--port"): "write --app-dir",
    ("--no-sendfile", "main:app"): "leave it out",
}


@pytest.mark.parametrize("words", WRITE, ids=" ".join)
def test_a_flag_of_theirs_is_answered_with_the_value(words: tuple[str, ...]) -> None:
    text = refusal(*words)
    assert f"{words[0].partition('=')[0]}: is not an option; {WRITE[words]}" in text
    assert "hidden" not in text


def test_what_is_told_can_be_written() -> None:
    """As it stands: each value is taken by the setting it is told for."""
    told = [re.fullmatch("write --([a-z0-9-]+) ([^;'V]+)", text) for text in WRITE.values()]
    found = list(filter(None, told))
    assert len(found) > 15
    for name, value in (one.groups() for one in found):
        BY_NAME[name.replace("-", "_")].convert(value)


@pytest.mark.parametrize(
    ("settings", "section", "field", "value"),
    [
        ({"log_level": "INFO"}, "logs", "level", "info"),
        ({"log_level": "Warning"}, "logs", "level", "warning"),
        ({"interface": "WSGI"}, "app", "interface", "wsgi"),
        ({"umask": "0"}, "operations", "umask", 0),
        ({"umask": "0o22"}, "operations", "umask", 0o22),
        ({"umask": "022"}, "operations", "umask", 0o22),
    ],
)
def test_a_value_of_theirs_is_taken(
    settings: dict[str, object], section: str, field: str, value: object
) -> None:
    assert getattr(getattr(Config.make(**settings), section), field) == value


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"log_level": "warn"}, "not one of debug, info, warning, error, critical; did you mean w"),
        (
            {"log_level": "trace"},
            "is not one of debug, info, warning, error, critical; did you mean debug?",
        ),
        ({"interface": "asgi3"}, "is not one of auto, asgi, asgi2, wsgi; did you mean asgi"),
        ({"bind": ("0.0.0.0:8000,127.0.0.1:9000",)}, "is several addresses; give bind for each"),
        ({"access_log_format": "combined"}, "has no atom, and every line would be the same"),
        ({"access_log_format": "100%%"}, "has no atom"),
        ({"umask": "18"}, "write three octal digits"),
        ({"umask": "22"}, "write three octal digits"),
        ({"host": "localhost:80"}, "is not a host name or IP address; an address goes to bind"),
    ],
)
def test_a_value_that_is_not_taken(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        Config.make(**settings)
    assert told in str(error.value)


def test_a_flag_takes_no_value() -> None:
    text = refusal("main:app", "--proxy-headers", "false")
    assert '"false" is one word too many' in text
    assert "write --proxy-headers or --no-proxy-headers" in text
