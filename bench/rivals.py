"""The table of servers: how each is best run with one process, as data."""

from __future__ import annotations

from dataclasses import dataclass, field

Command = tuple[str, ...]
Options = dict[str, Command]

LOGGED = "+log"  # "NAME+log" is the server NAME with its access log on, to a file
PLAIN = "+plain"  # "NAME+plain" is the server NAME without TLS where a scenario has it
VARIANT = r"[+]\w+$"

# Both take no command line for an application of our own choice with the settings we want.
BJOERN = (
    "import importlib, bjoern;"
    "bjoern.run(importlib.import_module('{module}').{attribute}, '127.0.0.1', {port})"
)
FASTPYSGI = (
    "import importlib, fastpysgi, uvloop;"
    "fastpysgi.server.loop = uvloop.new_event_loop() if '{interface}' == 'asgi' else None;"
    "app = importlib.import_module('{module}').{attribute};"
    "fastpysgi.run(app, host='127.0.0.1', port={port}, loglevel=0)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server.

    Commands are templates: {rivals} is the directory of the rivals' programs, {python} Tricorn's
    interpreter, {floor} the floor program, {app} MODULE:ATTRIBUTE, {log} a file for the access
    log, {config} the filled-in `config` template.
    """

    package: str = ""  # the distribution whose version is reported
    asgi: Command = ()  # empty: this server has no such interface
    wsgi: Command = ()
    quiet: Command = ()  # options that turn the access log off ...
    logged: Command = ()  # ... and on
    # Options one scenario needs and all servers get in their own spelling, by Scenario.needs.
    options: Options = field(default_factory=dict)
    config: str = ""  # a template file beside this one
    applications: frozenset[str] = frozenset()  # if not empty: the only ones it can stand for
    note: str = ""


SERVERS: dict[str, Server] = {
    "tricorn": Server(
        package="tricorn",
        asgi=("{python}", "-m", "tricorn", "{app}", "--bind", "127.0.0.1:{port}"),
        wsgi=(
            *("{python}", "-m", "tricorn", "{app}", "--bind", "127.0.0.1:{port}"),
            *("--threads", "{threads}"),
        ),
        quiet=("--no-access-log",),
        logged=("--access-log", "{log}"),
        options={
            "idle": ("--keep-alive", "120"),
            "tls": ("--tls-cert", "{cert}", "--tls-key", "{key}"),
        },
    ),
    "floor": Server(
        asgi=("{floor}", "{port}"),
        wsgi=("{floor}", "{port}"),
        applications=frozenset({"asgi_apps:hello", "wsgi_apps:hello"}),
        note="a bare epoll loop in Rust; no Python, no rival: the limit",
    ),
    "peregrine": Server(
        package="peregrine-server",
        asgi=("{rivals}/peregrine", "--log-level", "error", "--port", "{port}", "{app}"),
        wsgi=(
            *("{rivals}/peregrine", "--log-level", "error", "--port", "{port}"),
            *("--wsgi-threads", "{threads}", "{app}"),
        ),
        logged=("--access-log",),
        options={
            "idle": ("--keep-alive", "120000", "--max-connections", "8000"),
            "upload": ("--max-body", "2000000000"),
            "tls": ("--tls-cert", "{cert}", "--tls-key", "{key}"),
            "websockets": ("--max-connections", "12000"),
        },
    ),
    "weft": Server(
        package="weft-server",
        asgi=("{rivals}/weft", "{app}", "--log-level", "error", "--port", "{port}"),
        wsgi=(
            *("{rivals}/weft", "{app}", "--log-level", "error", "--port", "{port}"),
            *("--interface", "wsgi", "--wsgi-threads", "{pool}"),
        ),
        logged=("--access-log", "--log-level", "info"),
        options={
            "idle": ("--keep-alive", "120", "--max-connections", "8000"),
            "upload": ("--max-body", "2000000000"),
            "tls": ("--tls-cert", "{cert}", "--tls-key", "{key}"),
            "websockets": ("--max-connections", "12000"),
        },
        note="asyncio's loop (it brings its own selector); with one WSGI thread it runs inline",
    ),
    "granian": Server(
        package="granian",
        asgi=(
            *("{rivals}/granian", "{app}", "--interface", "asgi", "--loop", "uvloop"),
            *("--log-level", "error", "--port", "{port}"),
        ),
        wsgi=(
            *("{rivals}/granian", "{app}", "--interface", "wsgi"),
            *("--blocking-threads", "{threads}", "--log-level", "error", "--port", "{port}"),
        ),
        logged=("--access-log", "--log-level", "info"),
        options={
            "": ("--no-ws",),
            "idle": ("--no-ws", "--backpressure", "8000"),
            "h2c": ("--no-ws", "--http", "2"),
            "tls": ("--no-ws", "--ssl-certificate", "{cert}", "--ssl-keyfile", "{key}"),
            "websockets": ("--backpressure", "12000"),
        },
    ),
    "uvicorn": Server(
        package="uvicorn",
        asgi=(
            *("{rivals}/uvicorn", "{app}", "--loop", "uvloop", "--http", "httptools"),
            *("--log-level", "error", "--port", "{port}"),
        ),
        quiet=("--no-access-log",),
        logged=("--log-level", "info"),
        options={
            "idle": ("--timeout-keep-alive", "120"),
            "tls": ("--ssl-certfile", "{cert}", "--ssl-keyfile", "{key}"),
        },
    ),
    "gunicorn": Server(
        package="gunicorn",
        asgi=(
            *("{rivals}/gunicorn", "{app}", "-k", "asgi", "--asgi-loop", "uvloop"),
            *("--log-level", "error", "-b", "127.0.0.1:{port}"),
        ),
        wsgi=(
            *("{rivals}/gunicorn", "{app}", "-k", "gthread", "--threads", "{threads}"),
            *("--log-level", "error", "-b", "127.0.0.1:{port}"),
        ),
        logged=("--access-logfile", "{log}", "--log-level", "info"),
        options={
            "idle": ("--keep-alive", "120", "--worker-connections", "8000"),
            "h2c": ("--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge"),
            "tls": ("--certfile", "{cert}", "--keyfile", "{key}"),
            "websockets": ("--worker-connections", "12000"),
        },
    ),
    "h2corn": Server(
        package="h2corn",
        asgi=("{rivals}/h2corn", "{app}", "--loop", "uvloop", "--port", "{port}"),
        quiet=("--no-access-log",),
        options={"tls": ("--certfile", "{cert}", "--keyfile", "{key}")},
    ),
    "fastpysgi": Server(
        package="fastpysgi",
        asgi=("{rivals}/python", "-c", FASTPYSGI),
        wsgi=("{rivals}/python", "-c", FASTPYSGI),
        note="hangs after a few `Connection: close` requests: keep-alive only; polls when idle",
    ),
    "bjoern": Server(
        package="bjoern-binary",
        wsgi=("{rivals}/python", "-c", BJOERN),
    ),
    "nginx": Server(
        asgi=("nginx", "-c", "{config}"),
        config="nginx.conf",
        applications=frozenset({"asgi_apps:pathsend", "asgi_apps:hello"}),
        note="one worker; a file by sendfile, or a fixed answer over TLS; no rival",
    ),
}

NOT_RIVALS = frozenset({"tricorn", "floor", "nginx"})
RIVALS: tuple[str, ...] = tuple(name for name in SERVERS if name not in NOT_RIVALS)


def command(name: str, scenario_needs: str, values: dict[str, str]) -> list[str]:
    """The arguments that start server `name` (or "name+log"); `values` fills the templates.

    An empty list means: this server does not have the interface or cannot stand for the app.
    """
    plain = name.removesuffix(LOGGED)
    server = SERVERS[plain]
    base = server.asgi if values["interface"] == "asgi" else server.wsgi
    if not base or (server.applications and values["app"] not in server.applications):
        return []
    log = server.logged if name != plain else server.quiet
    if name != plain and not log:
        return []
    template = (*base, *log, *server.options.get(scenario_needs, ()))
    return [part.format_map(values) for part in template]
