"""The list of all sections and settings, in the order they are shown."""

from __future__ import annotations

from tricorn.config.admission import Admission
from tricorn.config.application import App, Asgi
from tricorn.config.development import Development
from tricorn.config.http2 import Http2
from tricorn.config.operations import Operations
from tricorn.config.proxy import Proxy
from tricorn.config.rollout import Rollout
from tricorn.config.serving import Listen, Logs, Process
from tricorn.config.setting import Setting, settings_of
from tricorn.config.tls import Tls
from tricorn.config.traffic import Http, Limits, Timeouts
from tricorn.config.websocket import WebSocket

SECTIONS: dict[str, type] = {
    "app": App,
    "listen": Listen,
    "process": Process,
    "rollout": Rollout,
    "tls": Tls,
    "proxy": Proxy,
    "http": Http,
    "http2": Http2,
    "websocket": WebSocket,
    "limits": Limits,
    "timeouts": Timeouts,
    "admission": Admission,
    "asgi": Asgi,
    "logs": Logs,
    "development": Development,
    "operations": Operations,
}

SETTINGS: tuple[Setting, ...] = tuple(
    declared for name, cls in SECTIONS.items() for declared in settings_of(name, cls)
)

BY_NAME = {declared.name: declared for declared in SETTINGS}
"""The settings by their flat name, as ``head_size``."""


def heading(section: str) -> tuple[str, str]:
    """A section's title and what it is about, as ``Timeouts``, ``how long a client is waited for``.

    Both stand in the docstring of its class, which ``python -OO`` takes away.
    """
    title, _, about = (SECTIONS[section].__doc__ or section).strip().rstrip(".").partition(": ")
    return title, about
