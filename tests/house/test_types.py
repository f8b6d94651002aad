"""Types of Rust stay small, and one name means one thing in a crate."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from tests.house.sources import code, files, rust, shown

FIELDS, METHODS, FLAGS = 20, 30, 3
"""Of a type, at the most; flags are its fields that are bool."""

LARGER: dict[tuple[str, str], dict[str, int]] = {
    # The reactor is still one room (ARCHITECTURE, "The rooms of the reactor").
    ("net", "Net"): {"methods": 174},
    ("net", "Conn"): {"methods": 32, "flags": 5},
    ("net", "Session"): {"flags": 5},
    ("core", "AsgiExchange"): {"flags": 5},
    # Each is a setting.
    ("net", "Settings"): {"fields": 22, "flags": 7},
    # Each is a fact about one head.
    ("wire", "Head"): {"flags": 4},
    ("wire", "Response"): {"flags": 4},
}
"""What is larger than that, by (crate, type), and how large it may be: it only shrinks."""

DECLARED = re.compile(
    r"^(?:pub(?:\([^)]*\))? )?(?P<kind>struct|enum|trait|type) (?P<name>\w+)", re.MULTILINE
)
FIELD = re.compile(r"^    (?:pub(?:\([^)]*\))? )?\w+: (?P<type>.*),$", re.MULTILINE)
IMPL = re.compile(
    r"^impl(?:<[^{]*?>)? (?:[\w:]+(?:<[^{]*?>)? for )?&?(?P<name>[\w:]+)[^{]*\{$", re.MULTILINE
)
METHOD = re.compile(r"^    (?:pub(?:\([^)]*\))? )?(?:const )?(?:unsafe )?fn \w+", re.MULTILINE)


@dataclass(slots=True)
class Kind:
    """How large one type is."""

    fields: int = 0
    flags: int = 0
    methods: int = 0
    declared: list[str] = field(default_factory=list)
    """The files that declare a type of this name."""


def types() -> dict[tuple[str, str], Kind]:
    """The types of all crates, by (crate, name)."""
    found: dict[tuple[str, str], Kind] = {}
    for path in files(".rs", under="crates"):
        file = shown(path)
        _, crate, folder, *_ = file.split("/")
        if folder != "src":
            continue
        text = code(rust(path))
        for match in DECLARED.finditer(text):
            kind = found.setdefault((crate, match["name"]), Kind())
            kind.declared.append(file)
            if match["kind"] == "struct":
                fields = FIELD.findall(body(text, match.end()))
                kind.fields += len(fields)
                kind.flags += fields.count("bool")
        for match in IMPL.finditer(text):
            name = match["name"].rpartition("::")[2]
            kind = found.setdefault((crate, name), Kind())
            kind.methods += len(METHOD.findall(body(text, match.end())))
    return found


def body(text: str, start: int) -> str:
    """What stands between the braces of what is declared there, if it has some."""
    opening, _, rest = text[start:].partition("\n")
    if start and text[start - 1] != "{" and not opening.rstrip().endswith("{"):
        return ""
    return rest.partition("\n}")[0]


TYPES = types()


@pytest.mark.parametrize("name", TYPES, ids="::".join)
def test_size(name: tuple[str, str]) -> None:
    """What is larger is in the table, and what is not, not any more."""
    kind = TYPES[name]
    most = {"fields": FIELDS, "methods": METHODS, "flags": FLAGS}
    sizes = {"fields": kind.fields, "methods": kind.methods, "flags": kind.flags}
    larger = {what: size for what, size in sizes.items() if size > most[what]}
    assert larger == LARGER.get(name, {}), "split it by responsibility; keep the table true"


def test_names() -> None:
    """Two types of one name make readers look which one is meant."""
    # One file may declare one for each system.
    doubles = {name: kind.declared for name, kind in TYPES.items() if len(set(kind.declared)) > 1}
    assert doubles == {}
