"""What to write for a flag of Gunicorn or Uvicorn together with its value."""

from __future__ import annotations

import re
import shlex

from tricorn.config.foreign import advice, counterpart
from tricorn.config.setting import WrongValueError

_REQUIRED = {"0": "none", "1": "optional", "2": "required"}  # ssl.CERT_NONE and the others
_OURS = {
    "cert_reqs": _REQUIRED,
    "ssl_cert_reqs": _REQUIRED,
    "header_map": {"dangerous": "keep"},
}
"""Values of theirs that have another name here, by their flag."""

_WHOLE: dict[str, dict[str | None, str]] = {
    "use_colors": {None: "write --color always"},
    "no_use_colors": {None: "write --color never"},
    "V": {None: "write --version"},
    "v": {None: "write --version, or --log-level debug"},
    "http_protocols": {
        "h1": "write --http2 off",
        "h2": "write --http2 only",
        **dict.fromkeys(["h1,h2", "h2,h1"], "write --http2 on"),
    },
    "ssl_version": {
        "TLSv1_2": "write --tls-min-version 1.2",
        "TLSv1_3": "write --tls-min-version 1.3",
    },
}
"""What to do about a value, by their flag; None is for a flag that takes none."""

_PLACE = re.compile(r"NAME=VALUE|(?<=unix:)PATH|(?<=fd://)N|(?<=--timeout )SECONDS")
"""Where an advice without a setting of ours has room for the value."""


def advice_with(flag: str, value: str | None) -> str:
    """What to do instead of a flag of theirs, as ``write --keep-alive 5``; else nothing.

    ``value`` is the word that follows, which may not belong to the flag, or None.
    """
    plain = flag.lstrip("-").replace("-", "_")
    whole = _WHOLE.get(plain, {})
    if text := whole.get(value, whole.get(None)):
        return text
    text, setting = advice(flag), counterpart(flag)
    if value is None:
        return text
    if setting is None:
        return _PLACE.sub(lambda _: _quoted(value), text)
    if isinstance(setting.default, bool) or not {"secret", "argument"}.isdisjoint(setting.declared):
        return text
    ours = _OURS.get(plain, {}).get(value, value)
    try:
        setting.convert(ours)
    except WrongValueError as error:
        return f"{text}; {error.args[0]}"
    return f"{text} {shlex.quote(ours)}"


def _quoted(value: str) -> str:
    """For a shell, where NAME= must not be quoted."""
    name, equals, rest = value.rpartition("=")
    return name + equals + shlex.quote(rest) if equals else shlex.quote(value)
