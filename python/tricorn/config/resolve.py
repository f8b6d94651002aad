"""From what the sources gave to one value and origin for each setting, or all mistakes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tricorn.config.activation import activated
from tricorn.config.address import RedirectAddress, TcpAddress, parse_address
from tricorn.config.catalogue import BY_NAME, SECTIONS, SETTINGS
from tricorn.config.origin import DEFAULT, Given, Mistake, Origin, Rank
from tricorn.config.proxy import two_families
from tricorn.config.setting import WrongValueError
from tricorn.errors import ConfigError

_PLATFORM_PORT = Origin(Rank.DEFAULT, lambda: "environment PORT")
_PLATFORM_SOCKETS = Origin(Rank.DEFAULT, lambda: "environment LISTEN_FDS")
_PLATFORM_SETTINGS = {"WEB_CONCURRENCY": "workers", "FORWARDED_ALLOW_IPS": "forwarded_allow_ips"}
"""Variables that give a setting which no source gives, as they do in Gunicorn and Uvicorn."""


@dataclass(slots=True)
class Resolution:
    """The value and origin of each setting by its flat name, and the mistakes met on the way."""

    values: dict[str, Any]
    origins: dict[str, Origin]
    mistakes: list[Mistake]

    def sections(self) -> dict[str, Any]:
        """A section object for each name, made of the values."""
        return {
            name: cls(**{s.field: self.values[s.name] for s in SETTINGS if s.section == name})
            for name, cls in SECTIONS.items()
        }


def resolve(given: Iterable[Given | Mistake], environ: Mapping[str, str]) -> Resolution:
    """Settle each setting by rank and fold ``host`` and ``port`` into ``bind``.

    ``environ`` is read for what hosting platforms set: with ``PORT`` and no address from any
    source, the server listens on every IPv4 interface, as Gunicorn does; ``WEB_CONCURRENCY`` is
    the number of workers, and ``FORWARDED_ALLOW_IPS`` are the trusted proxies, if no source gives
    them; sockets of systemd are listened on instead of any address, unless addresses name
    descriptors.

    Raises ConfigError that lists every mistake with its origin.
    """
    resolution = Resolution(
        values={item.name: item.default for item in SETTINGS},
        origins={item.name: DEFAULT for item in SETTINGS},
        mistakes=[],
    )
    for item in given:
        if isinstance(item, Mistake):
            resolution.mistakes.append(item)
        else:
            _take(resolution, item)
    _fold_address(resolution, environ.get("PORT", ""))
    _take_sockets(resolution, environ)
    _add_redirects(resolution)
    for variable, name in _PLATFORM_SETTINGS.items():
        value = environ.get(variable, "")
        if value and resolution.origins[name].rank == Rank.DEFAULT:
            origin = Origin(Rank.DEFAULT, partial("environment {}".format, variable))
            _take(resolution, Given(BY_NAME[name], value, origin))
    if problem := two_families(resolution.values["forwarded_headers"]):
        origin = resolution.origins["forwarded_headers"]
        resolution.mistakes.append(Mistake(str(origin), problem))
    if resolution.mistakes:
        raise ConfigError(report(resolution.mistakes))
    return resolution


def _take(resolution: Resolution, given: Given) -> None:
    """Convert a given value, also one that a higher rank overrides: a mistake is a mistake."""
    name = given.setting.name
    try:
        value = given.setting.convert(given.raw)
    except WrongValueError as error:
        origin = str(given.origin)
        resolution.mistakes.extend(Mistake(origin, problem) for problem in error.args)
        return
    if given.origin.rank >= resolution.origins[name].rank:
        resolution.values[name] = value
        resolution.origins[name] = given.origin


def _fold_address(resolution: Resolution, platform_port: str) -> None:
    """Leave the effective addresses in ``bind``; host and port are another way to write it."""
    values, origins = resolution.values, resolution.origins
    bind, host, port = origins["bind"], origins["host"], origins["port"]
    single = max(host, port, key=lambda origin: origin.rank)
    if bind.rank > single.rank:
        return
    if bind.rank == single.rank != Rank.DEFAULT:
        text = f"given together with {bind}; --host and --port are another way to write --bind"
        resolution.mistakes.append(Mistake(str(single), text))
        return
    if platform_port and port.rank == Rank.DEFAULT:
        _take(resolution, Given(BY_NAME["port"], platform_port, _PLATFORM_PORT))
        if host.rank == Rank.DEFAULT:
            _take(resolution, Given(BY_NAME["host"], "0.0.0.0", _PLATFORM_PORT))
            single = _PLATFORM_PORT
    values["bind"] = (str(TcpAddress(values["host"].strip("[]"), values["port"])),)
    origins["bind"] = single


def _take_sockets(resolution: Resolution, environ: Mapping[str, str]) -> None:
    try:
        passed = activated(environ)
    except ValueError as error:
        resolution.mistakes.append(Mistake(str(_PLATFORM_SOCKETS), str(error)))
        return
    if passed and not any(text.startswith("fd://") for text in resolution.values["bind"]):
        resolution.values["bind"] = passed
        resolution.origins["bind"] = _PLATFORM_SOCKETS


def _add_redirects(resolution: Resolution) -> None:
    """Behind the addresses, those that send to them: each host once."""
    port = resolution.values["redirect_http"]
    if port is None or resolution.mistakes:
        return
    bind = resolution.values["bind"]
    addresses = (parse_address(text) for text in bind)
    hosts = [one.host for one in addresses if isinstance(one, TcpAddress)] or ["0.0.0.0"]
    redirects = (str(RedirectAddress(host, port)) for host in dict.fromkeys(hosts))
    resolution.values["bind"] = (*bind, *redirects)


def report(mistakes: list[Mistake]) -> str:
    """The text of a ConfigError that lists them."""
    count = "1 setting is" if len(mistakes) == 1 else f"{len(mistakes)} settings are"
    return "\n".join([f"{count} wrong", *(f"  {mistake}" for mistake in mistakes)])
