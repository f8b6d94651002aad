"""The sections about the process: where it listens, what runs in it, and what it logs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tricorn.config.address import TcpAddress, parse_address
from tricorn.config.atoms import DEFAULT_FORMAT, check_access_format
from tricorn.config.kinds import Mode, Seconds, Size, Workers, is_number
from tricorn.config.setting import setting


def _check_owner(owner: str) -> None:
    user, _, group = owner.partition(":")
    for name in (user, group):
        if name.isdigit() and (not is_number(name) or len(name) > 10 or int(name) >= 2**32 - 1):
            raise ValueError(f"has a number that no user or group has; the most is {2**32 - 2}")


def _check_host(host: str) -> None:
    try:
        parse_address(str(TcpAddress(host.strip("[]"), 0)))
    except ValueError:
        raise ValueError("is not a host name or IP address; an address goes to --bind") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Listening: the addresses connections are taken on."""

    bind: tuple[str, ...] = setting(
        (),
        everyday=True,
        short="-b",
        metavar="ADDRESS",
        help="Address to listen on: host:port, [IPv6]:port, :port, unix:PATH or fd://N. "
        "May be given more than once. Without it, --host and --port are used.",
        check=parse_address,
        gunicorn="bind",
    )
    host: str = setting(
        "127.0.0.1",
        everyday=True,
        metavar="HOST",
        check=_check_host,
        help="Host name or IP address to listen on; another way to write --bind.",
        uvicorn="host",
    )
    port: int = setting(
        8000,
        everyday=True,
        metavar="PORT",
        least=0,
        most=65535,
        help="Port to listen on, 0 for any free one; another way to write --bind.",
        uvicorn="port",
    )
    backlog: int = setting(
        2048,
        least=1,
        most=65535,
        help="Connections the kernel may queue before they are accepted; "
        "it caps them at net.core.somaxconn.",
        gunicorn="backlog",
        uvicorn="backlog",
    )
    reuse_port: bool = setting(
        False,
        help="Each worker accepts on a socket of its own at each TCP address (SO_REUSEPORT), and "
        "the kernel spreads connections. Other servers of the same user may share the address.",
        gunicorn="reuse_port",
    )
    uds_mode: Mode | None = setting(
        None,
        needs="a unix socket",
        help="Permissions of a unix socket, in octal. Without it, the umask decides.",
    )
    uds_owner: str | None = setting(
        None,
        needs="a unix socket",
        metavar="USER[:GROUP]",
        check=_check_owner,
        help="Owner of a unix socket, by name or number.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Processes: what runs the application, and how it ends."""

    workers: Workers | None = setting(
        None,
        everyday=True,
        short="-w",
        help="Worker processes under a supervisor that replaces, reloads and recycles them; auto "
        "is as many as there are processors to use, 2..8 a number that follows the load. Without "
        "it, this process serves alone. WEB_CONCURRENCY gives it too.",
        gunicorn="workers",
        uvicorn="workers",
    )
    threads: int = setting(
        8,
        everyday=True,
        least=1,
        most=1024,
        help="Threads that run a WSGI application, where Gunicorn's default is one: code that is "
        "not safe with threads needs 1. ASGI ignores it.",
        gunicorn="threads",
    )
    graceful_timeout: Seconds = setting(
        30.0,
        everyday=True,
        help="How long requests in flight may take to finish when the server stops.",
        gunicorn="graceful_timeout",
        uvicorn="timeout_graceful_shutdown",
    )
    drain_delay: Seconds = setting(
        0.0,
        help="Time between a signal to stop and the stop: requests are served as before, but "
        "readiness is 503, so that a load balancer sends no more.",
    )
    timeout: Seconds = setting(
        30.0,
        everyday=True,
        short="-t",
        needs="worker processes",
        help="A worker whose event loop, or all of whose threads, are stuck for this long is "
        "replaced; its stacks go to the error log first. 0 for never.",
        gunicorn="timeout",
    )
    request_timeout: Seconds = setting(
        0.0,
        help="How long the application may take for a request; after it the request is logged with "
        "its stack, interrupted, and answered 504. 0 for as long as it needs.",
    )
    slow_request: Seconds = setting(
        0.0,
        help="A request that takes the application longer is logged once, with its stack. "
        "0 for none.",
    )
    boot_timeout: Seconds = setting(
        0.0,
        needs="worker processes",
        help="How long a worker may take to load the application and start up; 0 for as long as "
        "it needs.",
    )
    max_requests: int = setting(
        0,
        everyday=True,
        needs="worker processes",
        least=0,
        help="Requests after which a worker is recycled: another one starts first. 0 for never.",
        gunicorn="max_requests",
        uvicorn="limit_max_requests",
    )
    max_requests_jitter: int = setting(
        0,
        needs="max_requests",
        least=0,
        help="Up to so many requests more, by chance, so that workers are not recycled together.",
        gunicorn="max_requests_jitter",
        uvicorn="limit_max_requests_jitter",
    )
    max_lifetime: Seconds = setting(
        0.0,
        needs="worker processes",
        help="Time after which a worker is recycled; 0 for never.",
    )
    max_lifetime_jitter: Seconds = setting(
        0.0,
        needs="max_lifetime",
        help="Up to so much more time, by chance.",
    )
    max_memory: Size = setting(
        0,
        needs="worker processes",
        help="Memory (PSS) of a worker above which it is recycled, looked at every 5 s; "
        "0 for any. Linux only.",
    )
    max_memory_total: Size = setting(
        0,
        needs="worker processes",
        help="Memory (PSS) of all processes of this server together above which the largest "
        "worker is recycled, if it is a minute old; 0 for any. Linux only.",
    )
    scale_up_after: Seconds = setting(
        0.1,
        needs="a range of workers",
        help="With a range of workers: one more starts when requests wait for longer.",
    )
    scale_down_after: Seconds = setting(
        60.0,
        needs="a range of workers",
        help="With a range of workers: one retires when nobody has waited for so long.",
    )
    reload_surge: int = setting(
        1,
        needs="worker processes",
        least=1,
        most=512,
        help="Workers more than wanted while a reload replaces the old ones.",
    )


_WORDS = frozenset({"true", "false", "yes", "no", "1", "0", "json", "common", "combined"})


def _check_access_log(target: str) -> None:
    """A word that means something else is no file that anybody wants."""
    if target.lower() in _WORDS:
        raise ValueError(
            f"would be a file of this name; write stdout or off, ./{target} for the file, "
            "and --access-log-format for a format"
        )
    if re.fullmatch(r"[\w.]+:[\w.]+", target):
        raise ValueError(
            "looks like the application; write that first, or --access-log=stdout before it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """Logs: what is written about requests and about the server, and where."""

    level: str = setting(
        "info",
        everyday=True,
        flag="--log-level",
        choices=("debug", "info", "warning", "error", "critical"),
        meant={"trace": "debug"},
        help="Least severe message that the error log takes.",
        gunicorn="loglevel",
        uvicorn="log_level",
    )
    access_log: str = setting(
        "auto",
        everyday=True,
        metavar="auto|off|stdout|stderr|PATH",
        check=_check_access_log,
        bare="stdout",
        negated="off",
        help="Where one line per request goes; - is stdout. With auto it is on in development: "
        "with --reload, or if one process serves on a terminal.",
        gunicorn="accesslog",
        uvicorn="access_log",
    )
    access_log_format: str = setting(
        DEFAULT_FORMAT,
        needs="access_log",
        metavar="FORMAT",
        check=check_access_format,
        help="json, or text with Gunicorn's atoms.",
        gunicorn="access_log_format",
    )
    access_log_exclude: tuple[str, ...] = setting(
        (),
        needs="access_log",
        metavar="PATH",
        help="Request path that is left out of the access log, as /health. "
        "May be given more than once.",
    )
    error_log: str = setting(
        "stderr",
        everyday=True,
        metavar="stderr|stdout|PATH",
        help="Where the server's own messages go; - is stderr.",
        gunicorn="errorlog",
    )
    log_config: str | None = setting(
        None,
        metavar="FILE",
        help="Configuration for Python's logging module, .json, .toml or .ini. "
        "It replaces --error-log and --color.",
        gunicorn="logconfig",
        uvicorn="log_config",
    )
    color: str = setting(
        "auto",
        choices=("auto", "always", "never"),
        help="Colours in the error log, and in the access log if it is on by itself; auto means on "
        "a terminal, unless NO_COLOR is set.",
        uvicorn="use_colors",
    )
