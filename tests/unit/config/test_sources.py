"""The four sources: which wins, where each value is said to come from, and what each refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tricorn.config import Config
from tricorn.errors import ConfigError

Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Config.load in an empty directory, with an environment of its own."""

    def load(
        typed: Mapping[str, object] | None = None, env: Mapping[str, str] | None = None, **more: str
    ) -> Config:
        file = more.get("file")
        return Config.load(typed, environ=env or {}, directory=tmp_path, file=file)

    return load


def mistakes(error: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    return [line.strip() for line in str(error.value).splitlines()[1:]]


def test_defaults(load: Load) -> None:
    config = load()
    assert config.timeouts.keep_alive == 5.0
    assert str(config.origins["keep_alive"]) == "default"


def test_a_later_source_wins(load: Load, tmp_path: Path) -> None:
    (tmp_path / "tricorn.toml").write_text(
        '[limits]\nhead-size = "8KiB"\nhead-fields = 10\ntarget-size = 1000\n'
    )
    env = {"TRICORN_HEAD_FIELDS": "20", "TRICORN_TARGET_SIZE": "2000"}
    config = load({"target_size": "3000"}, env)
    limits = config.limits
    assert (limits.head_size, limits.head_fields, limits.target_size) == (8192, 20, 3000)
    assert str(config.origins["head_size"]) == "tricorn.toml:2 limits.head-size"
    assert str(config.origins["head_fields"]) == "environment TRICORN_HEAD_FIELDS"
    assert str(config.origins["target_size"]) == "command line --target-size"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("tricorn.toml", 'app = "main:app"\n', "tricorn.toml:1 app"),
        ("pyproject.toml", '[tool.tricorn]\napp = "main:app"\n', "pyproject.toml:2 app"),
    ],
)
def test_the_application_as_people_write_it(
    load: Load, tmp_path: Path, name: str, text: str, place: str
) -> None:
    (tmp_path / name).write_text(text)
    config = load()
    assert config.app.target == "main:app"
    assert str(config.origins["app"]) == place


@pytest.mark.parametrize(("raw", "meant"), [(True, "stdout"), (False, "off"), ("a.log", "a.log")])
def test_true_and_false_are_the_flag_with_and_without_no(raw: object, meant: str) -> None:
    assert Config.make(access_log=raw).logs.access_log == meant


def test_all_mistakes_of_all_sources_at_once(load: Load, tmp_path: Path) -> None:
    (tmp_path / "tricorn.toml").write_text(
        '# ours\n\n[limits]\nhead-size = "64Kib0"\nhead-feilds = 3\n\n'
        "[timeouts]\nkeep-alive = true\n"
    )
    env = {"TRICORN_HEAD_SIZE": "1", "TRICORN_HEADSIZE": "1"}
    with pytest.raises(ConfigError) as error:
        load({"port": "x", "workers": "900", "bind": (":1", "nowhere")}, env)
    assert str(error.value).startswith("8 settings are wrong\n")
    assert mistakes(error) == [
        'tricorn.toml:4 limits.head-size: "64Kib0" is not a size; '
        'write bytes, or a number with a unit: "64KiB", "1MB", "4k"',
        "tricorn.toml:5 limits.head-feilds: is not a setting of [limits]; "
        "did you mean head-fields?",
        "tricorn.toml:8 timeouts.keep-alive: True is not a duration; "
        'write seconds, or a number with a unit: "500ms", "2m", "1h"',
        'environment TRICORN_HEAD_SIZE: "1" is too small; the least is 1KiB',
        "environment TRICORN_HEADSIZE: is not a setting; "
        "did you mean TRICORN_HEAD_SIZE or TRICORN_THREADS?",
        'command line --port: "x" is not a whole number',
        'command line --workers: "900" is too large; the most is 512',
        'command line --bind: "nowhere" has no port; '
        "write host:port, [IPv6]:port, :port, unix:PATH or fd://N (as nowhere:8000)",
    ]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("interface", "wsgl", '"wsgl" is not one of auto, asgi, asgi2, wsgi'),
        ("port", 65536, "65536 is too large; the most is 65535"),
        ("head_timeout", 0, "0 is too small; the least is 100ms"),
        ("discard_size", "1GiB", '"1GiB" is too large; the most is 64MiB'),
        ("root_path", "api", '"api" must start with / and not end with it, as /api'),
        ("root_path", "/api/", '"/api/" must start with /'),
        ("host", "unix:/x", '"unix:/x" is not a host name or IP address'),
        ("access_log_format", "%(y)s", '"%(y)s" has the unknown atom'),
        ("uds_mode", "999", '"999" is not a file mode'),
    ],
)
def test_a_wrong_value_names_what_is_allowed(name: str, value: object, reason: str) -> None:
    with pytest.raises(ConfigError) as error:
        Config.make(**{name: value})
    assert str(error.value).startswith(f"1 setting is wrong\n  argument {name}: {reason}")


def test_make_takes_flat_names_and_no_other_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRICORN_KEEP_ALIVE", "9")
    monkeypatch.setenv("PORT", "9")
    config = Config.make(head_size="4k")
    assert config.limits.head_size == 4096
    assert config.timeouts.keep_alive == 5.0
    assert config.listen.bind == ("127.0.0.1:8000",)
    with pytest.raises(ConfigError, match=r"argument prot: is not a setting; did you mean port"):
        Config.make(prot=1)


class TestFile:
    def test_pyproject(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text(
            '[project]\nname = "x"\n[tool.tricorn.listen]\nport = 9000\n'
        )
        config = load()
        assert config.listen.bind == ("127.0.0.1:9000",)
        assert str(config.origins["port"]) == "pyproject.toml:4 listen.port"

    @pytest.mark.parametrize("text", ["tool.tricorn = 3", "tool = 3 # tricorn"])
    def test_pyproject_whose_table_is_none(self, load: Load, tmp_path: Path, text: str) -> None:
        (tmp_path / "pyproject.toml").write_text(text)
        with pytest.raises(ConfigError, match=r"pyproject\.toml: tool\.tricorn is a table"):
            load()

    def test_own_file_wins_over_pyproject(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text("[tool.tricorn.listen]\nport = 9000\n")
        (tmp_path / "tricorn.toml").write_text("[process]\nthreads = 2\n")
        config = load()
        assert (config.listen.port, config.process.threads) == (8000, 2)

    def test_pyproject_without_our_table(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["tricorn"]\n')
        assert str(load().origins["port"]) == "default"

    def test_named_file(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "tricorn.toml").write_text("[listen]\nport = 1\n")
        named = tmp_path / "other.toml"
        named.write_text("[listen]\nport = 2\n")
        assert load(file=str(named)).listen.port == 2
        assert load(env={"TRICORN_CONFIG": str(named)}).listen.port == 2

    def test_missing_named_file(self, load: Load) -> None:
        with pytest.raises(ConfigError, match=r"no-such\.toml: cannot be read: No such file"):
            load(file="no-such.toml")

    def test_broken_file(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "tricorn.toml").write_text("[listen\n")
        with pytest.raises(ConfigError, match=r"tricorn\.toml: is not valid TOML: .*line 1"):
            load()

    def test_file_that_is_not_utf8(self, load: Load, tmp_path: Path) -> None:
        (tmp_path / "tricorn.toml").write_bytes(b"\xff")
        with pytest.raises(ConfigError, match=r"tricorn\.toml: is not valid TOML"):
            load()

    def test_underscores_are_hyphens(self, load: Load, tmp_path: Path) -> None:
        file = tmp_path / "tricorn.toml"
        file.write_text("[limits]\nhead_fields = 7\n")
        assert load().limits.head_fields == 7
        file.write_text("[limits]\nhead_fields = 7\nhead-fields = 8\n")
        with pytest.raises(ConfigError, match=r":3 limits\.head-fields: is given twice"):
            load()

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            (
                "port = 1",
                "tricorn.toml:1 port: is not a section; this setting is written listen.port",
            ),
            (
                "head_size = 1",
                "head_size: is not a section; this setting is written limits.head-size",
            ),
            ("[limit]", "tricorn.toml:1 limit: is not a section; did you mean limits?"),
            ("[server]\nport = 1", "server: is not a section; write one of app, listen, process, "),
            (
                "[tool.tricorn.listen]\nport = 1",
                "tricorn.toml:1 tool: is for pyproject.toml; in this file write [listen] and so "
                "on, without tool.tricorn",
            ),
            ("limits = 1", "limits: is a table of settings; write [limits]"),
            (
                "[http]\nport=1",
                "tricorn.toml:2 http.port: is not a setting of [http]; did you mean listen.port?",
            ),
            (
                "[http]\nrot-path=1",
                "http.rot-path: is not a setting of [http]; did you mean root-path?",
            ),
        ],
    )
    def test_unknown_keys(self, load: Load, tmp_path: Path, text: str, reason: str) -> None:
        (tmp_path / "tricorn.toml").write_text(text)
        with pytest.raises(ConfigError) as error:
            load()
        assert reason in str(error.value)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("listen.port = 1", 1),
            ("[listen]\n# port = 2\nport = 1", 3),
            ('[app]\ntarget = """\nport = 2\n"""\n[listen]\nport = 1', 6),
            ("[listen]\nbind = [\n'x:1', # port\n]\n\nport = 1", 6),
            ("listen = { port = 1 }", 1),
            ('[listen]\n"port" = 1', 2),
            ("[listen]\r\nport = 1\r\n", 2),
        ],
    )
    def test_line_of_a_key(self, load: Load, tmp_path: Path, text: str, line: int) -> None:
        (tmp_path / "tricorn.toml").write_bytes(text.encode())
        with pytest.raises(ConfigError) as error:
            load({"host": "not one"})
        assert "command line --host" in str(error.value)
        (tmp_path / "tricorn.toml").write_bytes(text.replace("= 1", "= -1").encode())
        with pytest.raises(ConfigError) as error:
            load()
        assert f"tricorn.toml:{line} listen.port: -1 is too small" in str(error.value)


class TestEnvironment:
    def test_lists_are_separated_by_commas(self, load: Load) -> None:
        config = load(env={"TRICORN_BIND": "127.0.0.1:1, [::1]:2"})
        assert config.listen.bind == ("127.0.0.1:1", "[::1]:2")

    @pytest.mark.parametrize(
        ("name", "meant"),
        [("TARGET", "APP"), ("APP_TARGET", "APP"), ("PIDFILE", "PID"), ("LOGS_LEVEL", "LOG_LEVEL")],
    )
    def test_a_variable_named_after_the_key_of_the_file(
        self, load: Load, name: str, meant: str
    ) -> None:
        with pytest.raises(ConfigError) as error:
            load(env={f"TRICORN_{name}": "1"})
        assert mistakes(error) == [
            f"environment TRICORN_{name}: is not a setting; write TRICORN_{meant}"
        ]

    def test_an_empty_variable_is_not_set(self, load: Load) -> None:
        assert load(env={"TRICORN_PORT": "", "TRICORN_NONE": ""}).listen.port == 8000

    def test_kubernetes_service_links_are_not_ours(self, load: Load) -> None:
        env = {
            "TRICORN_PORT": "tcp://10.0.0.1:80",
            "TRICORN_SERVICE_HOST": "10.0.0.1",
            "TRICORN_SERVICE_PORT": "80",
            "TRICORN_SERVICE_PORT_HTTP": "80",
            "TRICORN_PORT_80_TCP": "tcp://10.0.0.1:80",
            "TRICORN_PORT_80_TCP_ADDR": "10.0.0.1",
        }
        assert load(env=env).listen.bind == ("127.0.0.1:8000",)


class TestAddress:
    @pytest.mark.parametrize(
        ("typed", "env", "bind", "origin"),
        [
            ({}, {}, "127.0.0.1:8000", "default"),
            ({"port": "1"}, {}, "127.0.0.1:1", "command line --port"),
            ({"host": "::1"}, {}, "[::1]:8000", "command line --host"),
            ({"host": "[::1]"}, {}, "[::1]:8000", "command line --host"),
            ({"host": "::1"}, {"TRICORN_PORT": "1"}, "[::1]:1", "command line --host"),
            ({"bind": (":1",)}, {"TRICORN_PORT": "2"}, ":1", "command line --bind"),
            ({"port": "2"}, {"TRICORN_BIND": ":1"}, "127.0.0.1:2", "command line --port"),
            ({}, {"PORT": "5000"}, "0.0.0.0:5000", "environment PORT"),
            ({"host": "::1"}, {"PORT": "5000"}, "[::1]:5000", "command line --host"),
            ({"port": "1"}, {"PORT": "5000"}, "127.0.0.1:1", "command line --port"),
            ({"bind": (":1",)}, {"PORT": "5000"}, ":1", "command line --bind"),
            ({"bind": (":1",)}, {"PORT": "no"}, ":1", "command line --bind"),
        ],
    )
    def test_host_and_port_fold_into_bind(
        self,
        load: Load,
        typed: dict[str, object],
        env: dict[str, str],
        bind: str,
        origin: str,
    ) -> None:
        config = load(typed, env)
        assert config.listen.bind == (bind,)
        assert str(config.origins["bind"]) == origin

    def test_both_ways_at_once_are_a_mistake(self, load: Load) -> None:
        with pytest.raises(ConfigError, match="--port: given together with command line --bind"):
            load({"bind": (":1",), "port": "2"})

    def test_platform_port_that_is_none(self, load: Load) -> None:
        with pytest.raises(ConfigError, match=r'environment PORT: "99999" is too large'):
            load(env={"PORT": "99999"})
