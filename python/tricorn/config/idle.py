"""Settings that do nothing as things are: what each needs is declared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from tricorn.config.address import UnixAddress, parse_address
from tricorn.config.catalogue import BY_NAME, SETTINGS
from tricorn.config.model import Config
from tricorn.config.origin import Mistake, Rank
from tricorn.config.resolve import report
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError


def _has_range(config: Config) -> bool:
    return config.process.workers is not None and config.process.workers.is_range


def _has_unix_socket(config: Config) -> bool:
    return any(isinstance(parse_address(text), UnixAddress) for text in config.listen.bind)


WORKERS = "worker processes"
CONDITIONS: dict[str, tuple[Callable[[Config], bool], str]] = {
    WORKERS: (lambda config: config.is_supervised, "--workers 1 or more"),
    "a range of workers": (_has_range, "--workers 2..8"),
    "a unix socket": (_has_unix_socket, "--bind unix:PATH"),
    "a certificate": (lambda config: config.tls.is_on, "--tls-cert"),
}
"""What settings need that is no other setting alone: whether it is there, and how to get it."""


def tell_idle(config: Config) -> Config:
    """Refuse what is asked for on the command line, or in a call, and does nothing.

    A file and an environment may be shared by production and development: what they say in vain is
    only added to ``overlooked``, and nothing is said of settings that are there for ``--reload``,
    which nobody gives but by hand. Raises ConfigError that lists each setting with its origin.
    """
    mistakes, in_vain = [], dict[str, list[str]]()
    for setting in idle(config):
        origin, needed = config.origins[setting.name], what_is_needed(setting)
        off = _switched_off(setting, config)
        if origin.rank is Rank.COMMAND_LINE:
            mistakes.append(Mistake(str(origin), _refusal(needed, off)))
        elif needed != "--reload":
            why = f"with {off}" if off else f"without {needed}"
            in_vain.setdefault(why, []).append(str(origin))
    if mistakes:
        raise ConfigError(report(mistakes))
    texts = (_sentence(origins, why) for why, origins in in_vain.items())
    return replace(config, overlooked=(*config.overlooked, *texts))


def idle(config: Config) -> Iterator[Setting]:
    """Settings that were given, and do nothing in this configuration."""
    for setting in SETTINGS:
        given = config.origins[setting.name].rank is not Rank.DEFAULT
        if given and "needs" in setting.declared and not _is_off(setting, config):
            # How long a warm-up may take is the one thing that it says of a process alone.
            warms_up = setting.name == "timeout" and config.rollout.warmup_path
            if not (_is_met(setting.declared["needs"], config) or warms_up):
                yield setting


def what_is_needed(setting: Setting) -> str:
    """What a setting that ``needs`` something does nothing without, as ``--reload``."""
    needs = setting.declared["needs"]
    return BY_NAME[needs].flag if needs in BY_NAME else needs


def _switched_off(setting: Setting, config: Config) -> str:
    """How the setting that it needs was switched off, as ``--http2 off``; nothing if it was not."""
    needed = BY_NAME.get(setting.declared["needs"])
    if needed is None or config.origins[needed.name].rank is Rank.DEFAULT:
        return ""
    value = needed.value(config)
    if value is False or value == needed.declared.get("negated"):
        return f"--no-{needed.flag[2:]}"
    return f"{needed.flag} {value or 0}"


def _is_met(needs: str, config: Config) -> bool:
    if needs in CONDITIONS:
        return CONDITIONS[needs][0](config)
    value = BY_NAME[needs].value(config)
    return bool(value) and value != "off"


def _is_off(setting: Setting, config: Config) -> bool:
    """Whether it asks for nothing."""
    value = setting.value(config)
    return value == setting.declared.get("negated") or (not value and value == setting.default)


def _refusal(needed: str, off: str) -> str:
    if off:
        return f"does nothing with {off}; leave one of them out"
    remedy = CONDITIONS[needed][1] if needed in CONDITIONS else "that"
    return f"does nothing without {needed}; add {remedy}, or leave it out"


def _sentence(origins: Iterable[str], why: str) -> str:
    listed = list(origins)
    verb = "does" if len(listed) == 1 else "do"
    return f"{', '.join(listed)}: {verb} nothing {why}"
