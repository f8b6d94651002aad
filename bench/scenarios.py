"""The table of scenarios: what is measured on which servers, and the target of each, as data."""

from __future__ import annotations

from dataclasses import dataclass

from rivals import RIVALS

HELLO = b"Hello, world!"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """`subject`'s `metric` against `factor` x the best of `others`; absolute without others.

    Lower is better for every metric but those in HIGHER_IS_BETTER.
    """

    metric: str
    factor: float
    others: tuple[str, ...] = ()
    subject: str = "tricorn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the benchmark, or several rows with one measurement."""

    name: str
    title: str
    app: str  # MODULE:ATTRIBUTE in bench/apps
    interface: str = "asgi"
    kind: str = "load"  # the measurement, by its name in measure.KINDS
    protocol: str = "http"  # of the load, see load.Load
    connections: int = 64
    streams: int = 1  # requests at once on each connection, where the protocol can
    method: str = "GET"
    path: str = "/"
    body: int = 0  # bytes of request body, or of a WebSocket's message
    answer: bytes = HELLO  # what every server must answer, with status 200
    threads: int = 1  # of a WSGI server
    two_cores: bool = False  # server and load share both; else one each
    servers: tuple[str, ...] = ("tricorn", "floor", *RIVALS)
    needs: str = ""  # the key of Server.options
    targets: tuple[Target, ...] = ()


# What each metric measures, and its unit.
METRICS = {
    "cpu": ("server CPU per request", "us"),
    "p50": ("median latency", "us"),
    "p99": ("99th percentile latency", "us"),
    "rps": ("requests per second", ""),
    "others": ("cores used by others", ""),
    "syscalls": ("system calls per request", ""),
    "wakeups": ("context switches per second when idle", ""),
    "idle_cpu": ("cores used when idle", ""),
    "connection": ("memory per idle connection", "bytes"),
    "beyond": ("the same beyond what the application holds", "bytes"),
    "growth": ("growth of memory", "MiB"),
    "speed": ("speed", "MiB/s"),
    "cpu_seconds": ("server CPU", "s"),
    "start": ("start to first answer", "ms"),
}
HIGHER_IS_BETTER = frozenset({"rps", "speed"})

MODERN = ("peregrine", "weft", "granian", "uvicorn", "gunicorn", "h2corn")
FEW = ("tricorn", *MODERN)

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="asgi-hello",
        title="ASGI hello, 64 connections",
        app="asgi_apps:hello",
        targets=(
            Target("cpu", 0.80, ("peregrine",)),
            Target("cpu", 0.75, ("weft",)),
            Target("cpu", 0.45, ("uvicorn",)),
            Target("cpu", 1.40, ("floor",)),
        ),
    ),
    Scenario(
        name="asgi-hello-1",
        title="ASGI hello, 1 connection",
        app="asgi_apps:hello",
        connections=1,
        targets=(Target("p50", 1.10, ("floor",)),),
    ),
    Scenario(
        name="asgi-echo",
        title="ASGI, POST 1 KiB echo",
        app="asgi_apps:echo",
        method="POST",
        body=1024,
        answer=b"x" * 1024,
        targets=(Target("cpu", 0.80, ("peregrine", "weft")),),
    ),
    Scenario(
        name="asgi-sleep",
        title="ASGI, await asyncio.sleep(0.01), 256 connections",
        app="asgi_apps:sleep",
        connections=256,
        targets=(Target("cpu", 0.65, ("weft",)),),
    ),
    Scenario(
        name="asgi-1mib",
        title="ASGI, 1 MiB response",
        app="asgi_apps:mebibyte",
        connections=16,
        answer=bytes(MEBIBYTE),
        targets=(Target("cpu", 1.0, RIVALS),),
    ),
    Scenario(
        name="asgi-stream",
        title="ASGI, 64 KiB streamed in 16 pieces",
        app="asgi_apps:stream",
        answer=bytes(65536),
        targets=(Target("cpu", 1.0, RIVALS),),
    ),
    Scenario(
        name="fastapi",
        title="FastAPI JSON route",
        app="fastapi_app:app",
        path="/items/7?name=fedora",
        answer=b'{"id":7,"name":"fedora","tags":["felt","black"]}',
        targets=(Target("cpu", 1.0, RIVALS),),
    ),
    Scenario(
        name="starlette",
        title="Starlette route",
        app="starlette_app:app",
        targets=(Target("cpu", 0.9, RIVALS),),
    ),
    Scenario(
        name="wsgi-hello",
        title="WSGI hello, 1 thread, 64 connections",
        app="wsgi_apps:hello",
        interface="wsgi",
        targets=(Target("cpu", 1.0, ("bjoern", "peregrine", "weft", "fastpysgi")),),
    ),
    Scenario(
        name="wsgi-threads",
        title="WSGI hello, 8 threads, 16 connections, 2 cores",
        app="wsgi_apps:hello",
        interface="wsgi",
        connections=16,
        threads=8,
        two_cores=True,
        servers=("tricorn", "floor", "peregrine", "weft", "granian", "gunicorn"),
        targets=(Target("cpu", 0.6, ("granian",)), Target("p99", 1000.0)),
    ),
    Scenario(
        name="wsgi-mixed",
        title="WSGI, 32 threads, 2 % of calls sleep 20 ms",
        app="wsgi_apps:mixed",
        interface="wsgi",
        threads=32,
        servers=("tricorn", "peregrine", "weft", "granian", "gunicorn"),
        targets=(Target("rps", 2.0, ("granian",)),),
    ),
    Scenario(
        name="flask",
        title="Flask route",
        app="flask_app:app",
        interface="wsgi",
        path="/items/7",
        answer=b'{"id":7}\n',
        targets=(Target("cpu", 1.0, RIVALS),),
    ),
    Scenario(
        name="django",
        title="Django view",
        app="django_app:app",
        interface="wsgi",
        path="/items/7",
        answer=b'{"id": 7}',
        targets=(Target("cpu", 1.0, RIVALS),),
    ),
    Scenario(
        name="access-log",
        title="ASGI hello, access log to a file",
        app="asgi_apps:hello",
        servers=(
            *("tricorn", "tricorn+log", "peregrine", "peregrine+log", "weft", "weft+log"),
            *("granian", "granian+log", "uvicorn", "uvicorn+log"),
        ),
        targets=(Target("cpu", 1.05, ("tricorn",), "tricorn+log"),),
    ),
    Scenario(
        name="syscalls",
        title="System calls, ASGI hello, 64 connections",
        app="asgi_apps:hello",
        kind="syscalls",
        servers=(*FEW, "floor"),
        targets=(Target("syscalls", 2.1),),
    ),
    Scenario(
        name="idle",
        title="Idle",
        app="asgi_apps:hello",
        kind="idle",
        servers=(*FEW, "fastpysgi"),
        targets=(Target("wakeups", 0.0),),
    ),
    Scenario(
        name="idle-connections",
        title="5,000 idle keep-alive connections",
        app="asgi_apps:hello",
        kind="connections",
        servers=FEW,
        needs="idle",
        targets=(Target("connection", 2048.0),),
    ),
    Scenario(
        name="upload",
        title="1 GiB upload",
        app="asgi_apps:upload",
        kind="upload",
        method="POST",
        servers=FEW,
        needs="upload",
        targets=(Target("growth", 4.0),),
    ),
    Scenario(
        name="download",
        title="1 GiB download with pathsend",
        app="asgi_apps:pathsend",
        kind="download",
        servers=(*FEW, "nginx"),
        targets=(Target("growth", 4.0), Target("speed", 0.9, ("nginx",))),
    ),
    Scenario(
        name="http2",
        title="HTTP/2 in cleartext, ASGI hello, 8 connections x 32 streams",
        app="asgi_apps:hello",
        protocol="h2c",
        connections=8,
        streams=32,
        servers=("tricorn", "peregrine", "weft", "granian", "gunicorn", "h2corn"),
        needs="h2c",
        targets=(Target("cpu", 0.55, ("weft", "granian")),),
    ),
    Scenario(
        name="https",
        title="HTTPS, HTTP/1.1, ASGI hello, 64 connections",
        app="asgi_apps:hello",
        protocol="https",
        servers=("tricorn", "tricorn+plain", *MODERN),
        needs="tls",
        targets=(Target("cpu", 1.25, ("tricorn+plain",)), Target("cpu", 1.0, MODERN)),
    ),
    Scenario(
        name="handshakes",
        title="HTTPS, a full handshake (ECDSA P-256) for each request",
        app="asgi_apps:hello",
        protocol="handshakes",
        servers=("tricorn", *MODERN, "nginx"),
        needs="tls",
        targets=(Target("cpu", 1.0, MODERN), Target("cpu", 1.25, ("nginx",))),
    ),
    Scenario(
        name="websocket-echo",
        title="WebSocket echo of 64 bytes, 64 connections",
        app="websocket_apps:echo",
        protocol="echo",
        body=64,
        servers=FEW,
        needs="websockets",
        targets=(Target("cpu", 0.6, ("uvicorn",)), Target("cpu", 1.0, MODERN)),
    ),
    Scenario(
        name="websocket-broadcast",
        title="WebSocket broadcast of 1 KiB to 1,000 clients",
        app="websocket_apps:broadcast",
        protocol="broadcast",
        connections=1000,
        body=1024,
        servers=FEW,
        needs="websockets",
        targets=(Target("cpu", 1.0, MODERN),),
    ),
    Scenario(
        name="idle-websockets",
        title="10,000 idle WebSockets",
        app="websocket_apps:echo",
        kind="websockets",
        servers=FEW,
        needs="websockets",
        targets=(Target("beyond", 3072.0),),
    ),
    Scenario(
        name="start",
        title="Start to first answer",
        app="asgi_apps:hello",
        kind="start",
        servers=FEW,
        targets=(Target("start", 1.0, ("uvicorn",)), Target("start", 1.0, ("gunicorn",))),
    ),
)
