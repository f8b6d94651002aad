"""The configuration that the rest of the server sees: one frozen object of frozen sections."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never

from tricorn.config import environment, tomlfile
from tricorn.config.admission import Admission
from tricorn.config.application import App, Asgi
from tricorn.config.catalogue import BY_NAME
from tricorn.config.certificates import WrongFileError, load_context
from tricorn.config.closest import did_you_mean
from tricorn.config.development import Development
from tricorn.config.http2 import Http2
from tricorn.config.keywords import told_in_keywords
from tricorn.config.operations import Operations
from tricorn.config.origin import Given, Mistake, Origin, Rank
from tricorn.config.overlooked import overlooked
from tricorn.config.proxy import Proxy
from tricorn.config.resolve import report, resolve
from tricorn.config.rollout import Rollout
from tricorn.config.serving import Listen, Logs, Process
from tricorn.config.tls import Tls
from tricorn.config.traffic import Http, Limits, Timeouts
from tricorn.config.websocket import WebSocket
from tricorn.errors import ConfigError

if TYPE_CHECKING:
    from tricorn._core import TlsContext


_MAKE = (
    "a Config is made of keywords, as Config.make(port=8000); "
    "the application goes to Server(app, config), or to run(app, port=8000)"
)


class _Made(type):
    """Tells whoever calls Config as another server has it: that takes sections alone."""

    def __call__(cls, *others: Any, **sections: Any) -> Any:
        if others or not isinstance(sections.get("app"), App):
            raise TypeError(_MAKE)
        return super().__call__(**sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(metaclass=_Made):
    """Every setting, by section; ``origins`` tells by flat name where each value came from.

    ``tls_context`` is what the files of the settings about TLS held when they were read.
    ``overlooked`` are sentences about what is set in vain: for Gunicorn or Uvicorn, or where it
    does nothing.
    """

    app: App
    listen: Listen
    process: Process
    rollout: Rollout
    tls: Tls
    proxy: Proxy
    http: Http
    http2: Http2
    websocket: WebSocket
    limits: Limits
    timeouts: Timeouts
    admission: Admission
    asgi: Asgi
    logs: Logs
    development: Development
    operations: Operations
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)
    tls_context: TlsContext | None = field(default=None, repr=False, compare=False)
    overlooked: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_supervised(self) -> bool:
        """Whether workers run under a supervisor; else one process serves alone."""
        wishes = (self.development.reload, self.operations.daemon, self.operations.pidfile)
        return self.process.workers is not None or any(wishes)

    @classmethod
    def make(cls, *others: Never, **settings: object) -> Config:
        """A configuration from keywords alone: ``Config.make(port=0, keep_alive="2s")``.

        Keywords are the flat names of the settings (``--head-size`` is ``head_size``). Neither
        files nor the environment are read.

        Raises ConfigError that lists every unknown keyword and wrong value.
        """
        if others:
            raise TypeError(_MAKE)
        with told_in_keywords():
            return cls._from(_read_keywords(settings, "argument {name}"), {})

    @classmethod
    def load(
        cls,
        command_line: Mapping[str, object] | None = None,
        *,
        file: str | None = None,
        environ: Mapping[str, str] | None = None,
        directory: Path | None = None,
        files: bool = True,
    ) -> Config:
        """A configuration from all sources: defaults < file < environment < command line.

        ``command_line`` maps flat names to values as typed. ``file`` names the configuration
        file; without it, ``TRICORN_CONFIG`` does, else tricorn.toml or pyproject.toml in
        ``directory`` (the current one). Without ``files``, certificate and key are not read.

        Raises ConfigError that lists every mistake of every source with its origin.
        """
        environ = os.environ if environ is None else environ
        file = file or environ.get(environment.CONFIG_VARIABLE) or None
        directory = directory or Path()
        document = tomlfile.find(directory, file)
        given = [
            *_read_file(document),
            *environment.read_environment(environ),
            *_read_keywords(command_line or {}, "command line {typed}"),
        ]
        texts = tuple(overlooked(environ, directory, has_file=document is not None))
        return replace(cls._from(given, environ, files), overlooked=texts)

    @classmethod
    def _from(
        cls, given: Iterable[Given | Mistake], environ: Mapping[str, str], files: bool = True
    ) -> Config:
        resolution = resolve(given, environ)
        sections, origins = resolution.sections(), resolution.origins
        try:
            bind, protocols = sections["listen"].bind, sections["http2"].protocols
            context = load_context(sections["tls"], bind, protocols, origins) if files else None
        except WrongFileError as error:
            raise ConfigError(report([error.mistake])) from None
        return cls(**sections, origins=origins, tls_context=context)


def _read_file(found: tomlfile.Document | Mistake | None) -> Iterator[Given | Mistake]:
    if isinstance(found, Mistake):
        yield found
    elif found is not None:
        yield from tomlfile.read_document(found)


def _read_keywords(values: Mapping[str, Any], place: str) -> Iterator[Given | Mistake]:
    for name, raw in values.items():
        if found := BY_NAME.get(name):
            text = partial(place.format, name=name, typed=found.typed)
            yield Given(found, raw, Origin(Rank.COMMAND_LINE, text))
        else:
            text = partial(place.format, name=name, typed=name)
            yield Mistake(text(), f"is not a setting{_hint(name)}")


def _hint(name: str) -> str:
    from tricorn.config.foreign import advice

    instead = advice(name, lambda setting: setting.name)
    return f"; {instead}" if instead else did_you_mean(name, BY_NAME)
