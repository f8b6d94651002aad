"""The environment source: TRICORN_* variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial

from tricorn.config.catalogue import SETTINGS
from tricorn.config.closest import did_you_mean
from tricorn.config.origin import Given, Mistake, Origin, Rank

PREFIX = "TRICORN_"
CONFIG_VARIABLE = "TRICORN_CONFIG"
"""Names the configuration file, as ``--config`` does."""

# Kubernetes describes each service to each pod this way, so a service that is called "tricorn"
# would otherwise break every server beside it (its PORT holds tcp://ADDRESS:PORT).
_SERVICE_LINK = re.compile(r"TRICORN_(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_SERVICE_PORT = re.compile(r"(tcp|udp|sctp)://.*")

_BY_ENV = {item.env: item for item in SETTINGS}


def read_environment(environ: Mapping[str, str]) -> Iterator[Given | Mistake]:
    """What the environment gives; a variable set to nothing counts as not set."""
    for name, value in environ.items():
        if not name.startswith(PREFIX) or not value or _is_service_link(name, value):
            continue
        if found := _BY_ENV.get(name):
            yield Given(found, value, Origin(Rank.ENVIRONMENT, partial(_place, name)))
        elif name != CONFIG_VARIABLE:
            yield Mistake(_place(name), f"is not a setting{_hint(name)}")


def _place(name: str) -> str:
    return f"environment {name}"


def _hint(name: str) -> str:
    from tricorn.config.foreign import advice

    plain = name.removeprefix(PREFIX).lower()
    if instead := advice(plain, lambda setting: setting.env):
        return f"; {instead}"
    for setting in SETTINGS:  # a key of the file, with or without its section
        if plain in (setting.field, f"{setting.section}_{setting.field}"):
            return f"; write {setting.env}"
    known = (env.removeprefix(PREFIX) for env in _BY_ENV)
    return did_you_mean(name.removeprefix(PREFIX), known, PREFIX)


def _is_service_link(name: str, value: str) -> bool:
    if name == "TRICORN_PORT":
        return _SERVICE_PORT.fullmatch(value) is not None
    return _SERVICE_LINK.fullmatch(name) is not None
