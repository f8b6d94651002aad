"""The settings reference page: ``python -m tricorn.config.reference`` prints it.

It is kept as docs/reference/settings.md; a test tells when that has fallen behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tricorn.config.atoms import ATOMS
from tricorn.config.catalogue import SECTIONS, SETTINGS, heading
from tricorn.config.foreign import INSTEAD
from tricorn.config.idle import what_is_needed
from tricorn.config.setting import Setting

_INTRODUCTION = """\
# Settings

<!-- Made by `python -m tricorn.config.reference` from the declared settings. Do not edit. -->

Each setting can be given in four places. A later one wins:

1. its default;
2. a file: `--config FILE` or `TRICORN_CONFIG`, else `tricorn.toml` in the current directory, else
   the table `[tool.tricorn]` of `pyproject.toml` there;
3. the environment: the flag in capitals, with `_` for `-` and `TRICORN_` before it, so
   `TRICORN_HEAD_SIZE` for `--head-size`. A variable set to nothing counts as not set;
4. the command line.

In `tricorn.toml` a setting stands in the table of its section, and in `pyproject.toml` that table
is below `[tool.tricorn]`:

```toml
[listen]
bind = ["0.0.0.0:8000", "unix:/run/app.sock"]

[timeouts]
keep-alive = "15s"
```

In Python, `tricorn.run()` takes the flag's name as a keyword, `head_size` for `--head-size`; it
reads neither files nor the environment. `tricorn check APP` shows each value with the place it came
from.

- A **duration** is in seconds, or has a unit: `500ms`, `30s`, `2m`, `1h`.
- A **size** is in bytes, or has a unit: `KiB`, `MiB`, `GiB` and `k`, `m`, `g` are powers of 1024,
  `KB`, `MB`, `GB` powers of 1000.
- A **list** is separated by commas in the environment; on the command line the flag is repeated.
- A flag that is **true or false** has a `--no-` form.
- `--host` and `--port` are another way to write `--bind`. Given in a higher place than `bind`, they
  replace it; given in the same place, that is a mistake. If no place gives an address and `PORT` is
  set in the environment, as hosting platforms do, the server listens on `0.0.0.0:$PORT`.
- A setting that **needs** something does nothing without. On the command line and in a call of
  `tricorn.run()` that is a mistake. A file and the environment may be shared by production and
  development: there, a warning at the start names such settings, except those that need
  `--reload`.
- `--access-log` alone means `stdout`; `--no-access-log` and `--no-control-socket` mean `off`.
"""


def page() -> str:
    """The whole page in Markdown."""
    parts = [_INTRODUCTION, *map(_section, SECTIONS), _foreign_names(), _atoms()]
    return "\n".join(parts)


def _section(section: str) -> str:
    title, about = heading(section)
    rows = [
        (
            _flags(setting),
            f"`{setting.key}`",
            f"`{setting.kind.show(setting.default)}`",
            _allowed(setting),
            setting.help + _needs(setting),
        )
        for setting in SETTINGS
        if setting.section == section
    ]
    columns = ("Flag", "Key in a file", "Default", "Takes", "Meaning")
    return f"## {title}\n\n{about[:1].upper()}{about[1:]}.\n\n{_table(columns, rows)}"


def _flags(setting: Setting) -> str:
    if setting.declared.get("argument"):
        return f"`{setting.metavar}`"
    short = setting.declared.get("short")
    return f"`{short}`, `{setting.flag}`" if short else f"`{setting.flag}`"


def _allowed(setting: Setting) -> str:
    if choices := setting.declared.get("choices"):
        return ", ".join(f"`{choice}`" for choice in choices)
    least, most = setting.declared.get("least"), setting.declared.get("most")
    bounds = [
        f"{word} {setting.show_bound(bound)}"
        for word, bound in (("from", least), ("to", most))
        if bound is not None
    ]
    return " ".join([setting.kind.name, *bounds])


def _needs(setting: Setting) -> str:
    return f" Needs {what_is_needed(setting)}." if "needs" in setting.declared else ""


def _foreign_names() -> str:
    columns = ("Setting", "Gunicorn", "Uvicorn")
    rows = [
        (_flags(setting), *(f"`{name}`" if name else "" for name in names))
        for setting in SETTINGS
        if any(names := (setting.declared.get("gunicorn"), setting.declared.get("uvicorn")))
    ]
    instead = [(f"`{name}`", INSTEAD[name]) for name in sorted(INSTEAD)]
    return (
        f"## Names in Gunicorn and Uvicorn\n\n{_table(columns, rows)}\n"
        "These have no setting. Whoever gives a name of theirs is told what these tables say.\n\n"
        f"{_table(('Name', 'Instead'), instead)}"
    )


def _atoms() -> str:
    lookups = {
        "{name}i": "a field of the request",
        "{name}o": "a field of the response",
        "{name}e": "an entry of the WSGI environ",
    }
    rows = [(f"`%({atom})s`", meaning) for atom, meaning in {**ATOMS, **lookups}.items()]
    return f"## Atoms of the access log\n\n{_table(('Atom', 'Value'), rows)}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(columns, rows)) + "\n"


def _lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    print(page(), end="")
