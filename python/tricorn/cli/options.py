"""The command line's options and its help, made from the declared settings.

Values are only gathered here, as typed: whether they are right is found out for all sources
together, when the configuration is resolved.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from tricorn.cli.commands import COMMANDS
from tricorn.cli.unknown import check_options
from tricorn.config.catalogue import BY_NAME, SECTIONS, SETTINGS, heading
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError
from tricorn.version import version

_USAGE = "APP [OPTIONS]"
_EPILOG = (
    "Each option can also be set in the environment, --head-size as TRICORN_HEAD_SIZE, and in "
    "tricorn.toml or under [tool.tricorn] in pyproject.toml. The command line wins over the "
    "environment, and that over the file. Durations take ms, s, m or h; sizes KiB, MB or k."
)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What was typed: values by flat name, and the file that ``--config`` names."""

    values: dict[str, object]
    config: str | None


def parse(program: str, summary: str, arguments: Sequence[str]) -> CommandLine:
    """Read a command line.

    Raises ConfigError when it cannot be read, and SystemExit after ``--help`` or ``--version``.
    """
    parameters = [_APP, *map(_option, _options()), _CONFIG, _VERSION]
    command = _Command(program, help=summary, epilog=_EPILOG, params=parameters)
    spelt = _spell_out(arguments)
    check_options(command, spelt)
    typed = read(command, spelt)
    values = {name: value for name, value in typed.items() if value is not None and value != ()}
    config = values.pop("config", None)
    return CommandLine(values, config)


def read(command: click.Command, arguments: Sequence[str]) -> dict[str, Any]:
    """The parameters of a command as they were typed, by name; its own name is the program's.

    Raises ConfigError when the command line cannot be read, and SystemExit after ``--help``.
    """
    try:
        with command.make_context(command.name, list(arguments)) as context:
            return context.params
    except click.UsageError as error:
        hint = f'Try "{command.name} --help".'
        raise ConfigError(f"{error.format_message()} {hint}") from None
    except click.exceptions.Exit as done:
        raise SystemExit(done.exit_code) from None


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    click.echo(f"tricorn {version()}, Python {sys.version.split()[0]} on {sys.platform}")
    context.exit()


_APP = click.Argument(["app"], required=False)
_CONFIG = click.Option(
    ["--config", "-c"],
    metavar="FILE",
    help="The configuration file, instead of the one in the current directory.",
)
_VERSION = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)


def _options() -> Iterator[Setting]:
    return (setting for setting in SETTINGS if not setting.declared.get("argument"))


def _option(setting: Setting) -> click.Option:
    names = [setting.flag, setting.name]
    if short := setting.declared.get("short"):
        names.insert(0, short)
    if isinstance(setting.default, bool):
        names[-2] += f"/--no-{setting.flag[2:]}"
        return click.Option(names, default=None, help=_help(setting))
    return click.Option(
        names,
        default=None,
        metavar=setting.metavar,
        multiple=setting.kind.repeatable,
        type=click.UNPROCESSED,
        help=_help(setting),
    )


def _help(setting: Setting) -> str:
    if setting.default is None or setting.default in ((), ""):
        return setting.help
    return f"{setting.help} [{setting.kind.show(setting.default)}]"


def _spell_out(arguments: Sequence[str]) -> list[str]:
    """Write ``--access-log`` alone and ``--no-access-log`` as options with a value."""
    short = {s.flag: s.declared["bare"] for s in SETTINGS if "bare" in s.declared}
    negated = {f"--no-{s.flag[2:]}": s for s in SETTINGS if "negated" in s.declared}
    spelt: list[str] = []
    for position, argument in enumerate(arguments):
        following = arguments[position + 1 : position + 2]
        if argument in short and not any(_is_value(text) for text in following):
            argument = f"{argument}={short[argument]}"
        elif argument in negated:
            setting = negated[argument]
            argument = f"{setting.flag}={setting.declared['negated']}"
        spelt.append(argument)
    return spelt


def _is_value(argument: str) -> bool:
    return argument == "-" or not argument.startswith("-")


class _Command(click.Command):
    """A command whose help groups the options by section."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, _USAGE)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        by_section: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        general: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            known = BY_NAME.get(param.name or "")
            record = param.get_help_record(ctx)
            if known and known.declared.get("argument"):
                by_section[known.section].append((known.metavar, known.help))
            elif record is not None:
                (by_section[known.section] if known else general).append(record)
        for section, records in by_section.items():
            title, about = heading(section)
            _write(formatter, f"{title} ({about})" if about else title, records)
        _write(formatter, "General", general)
        if ctx.command_path == "tricorn":
            _write(formatter, "Commands, instead of APP", COMMANDS.items())


def _write(formatter: click.HelpFormatter, title: str, records: Iterable[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(list(records), col_max=34)
