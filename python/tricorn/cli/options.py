"""The command line's options and its help, made from the declared settings.

Values are only gathered here, as typed: whether they are right is found out for all sources
together, when the configuration is resolved.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from tricorn.cli.commands import CHECK, COMMANDS, CONTROL
from tricorn.cli.mistyped import no_command
from tricorn.cli.unknown import check_options, corrected
from tricorn.config.catalogue import BY_NAME, SECTIONS, SETTINGS, heading
from tricorn.config.setting import Setting
from tricorn.errors import ConfigError
from tricorn.version import version

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

CONTEXT = {"help_option_names": ["-h", "--help"], "allow_extra_args": True}
"""The context settings of each command: how help is asked for, and that we look at extra words."""

_USAGE = "APP [OPTIONS]"
_WHOLE = "tricorn.help_all"
"""In a context's meta: every option is shown, and not only those that most people need."""
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
    command = _Command(
        program, help=summary, epilog=_EPILOG, params=[APP, *options()], context_settings=CONTEXT
    )
    spelt = _spell_out(arguments)

    def mistyped() -> str:
        return no_command(corrected(command, arguments)) if program == "tricorn" else ""

    check_options(command, spelt, mistyped)
    typed = read(command, spelt, lambda word: mistyped() or _surplus(spelt, word))
    values = {name: value for name, value in typed.items() if value is not None and value != ()}
    config = values.pop("config", None)
    return CommandLine(values, config)


def options() -> list[click.Parameter]:
    """The options of a command that takes settings."""
    settings = (setting for setting in SETTINGS if not setting.declared.get("argument"))
    return [*map(_option, settings), _CONFIG, _VERSION, _HELP_ALL]


def read(
    command: click.Command, arguments: Sequence[str], surplus: Callable[[str], str]
) -> dict[str, Any]:
    """The parameters of a command as they were typed, by name; its own name is the program's.

    ``surplus`` tells what is wrong with a word or an option that has no place. Raises ConfigError
    when the command line cannot be read, and SystemExit after ``--help``.
    """
    try:
        with command.make_context(command.name, list(arguments)) as context:
            if context.args:
                raise ConfigError(surplus(context.args[0]))
            return context.params
    except click.NoSuchOption as error:
        raise ConfigError(surplus(error.option_name)) from None
    except click.UsageError as error:
        hint = f'Try "{command.name} --help".'
        raise ConfigError(f"{error.format_message()} {hint}") from None
    except click.exceptions.Exit as done:
        raise SystemExit(done.exit_code) from None


def record(setting: Setting) -> tuple[str, str]:
    """An option and its help, as the help shows them."""
    context = click.Context(click.Command("tricorn"))
    names, text = _option(setting).get_help_record(context) or ("", "")
    return (setting.metavar if setting.declared.get("argument") else names, text)


def _surplus(arguments: Sequence[str], word: str) -> str:
    """What is wrong with a word behind APP."""
    if word in COMMANDS:
        return f'"{word}" is a command; write tricorn {word}{_named(word, arguments[0])}'
    text = f'"{word}" is one word too many: a server has one application'
    before = dict(pairwise(reversed(arguments)))[word]
    if before in (setting.flag for setting in SETTINGS if isinstance(setting.default, bool)):
        text += f", and a flag no value; write {before} or --no-{before[2:]}"
    return f'{text}. Try "tricorn --help".'


def _named(command: str, app: str) -> str:
    """How a command is told what it is about, if the command line began with that."""
    app = "APP" if app.startswith("-") else app
    return f" --control {app}" if command in CONTROL else f" {app}" if command == CHECK else ""


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    click.echo(f"tricorn {version()}, Python {sys.version.split()[0]} on {sys.platform}")
    context.exit()


APP = click.Argument(["app"], required=False)
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


def _show_all(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.meta[_WHOLE] = True
        click.echo(context.get_help())
        context.exit()


_HELP_ALL = click.Option(
    ["--help-all"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_all,
    help="Show every option and exit.",
)


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
        shell_complete=partial(_complete, setting),
        metavar=setting.metavar,
        multiple=setting.kind.repeatable,
        type=click.UNPROCESSED,
        help=_help(setting),
    )


def _complete(
    setting: Setting, context: click.Context, _: click.Parameter, begun: str
) -> list[CompletionItem]:
    """What a shell offers for a value."""
    from click.shell_completion import CompletionItem

    if choices := setting.declared.get("choices"):
        return [CompletionItem(choice) for choice in choices if choice.startswith(begun)]
    kinds = {"DIR": "dir", "FILE": "file", "PATH": "file"}
    kind = kinds.get(setting.metavar.rpartition("|")[2])
    return [CompletionItem(begun, type=kind)] if kind else []


def _help(setting: Setting, brief: bool = False) -> str:
    text = setting.help
    if brief:
        text = text.partition(". ")[0].rstrip(".") + "."
    if setting.default is None or setting.default in ((), ""):
        return text
    return f"{text} [{setting.kind.show(setting.default)}]"


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
        whole = _WHOLE in ctx.meta
        for param in self.get_params(ctx):
            known = BY_NAME.get(param.name or "")
            names, text = param.get_help_record(ctx) or ("", "")
            if known is None:
                general.append((names, text))
            elif whole or known.declared.get("everyday"):
                text = _help(known, brief=not whole)
                by_section[known.section].append((names or known.metavar, text))
        for section, records in by_section.items():
            if not records:
                continue
            title, about = heading(section)
            _write(formatter, f"{title} ({about})" if about else title, records)
        _write(formatter, "General", general)
        if ctx.command_path == "tricorn":
            _write(formatter, "Commands, instead of APP", COMMANDS.items())


def _write(formatter: click.HelpFormatter, title: str, records: Iterable[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(list(records), col_max=34)
