"""The contract table: every row of every topic."""

from __future__ import annotations

from tests.contract.case import Case
from tests.contract.table import (
    chunks,
    codings,
    connections,
    expectations,
    fields,
    hosts,
    lengths,
    limits,
    request_lines,
    smuggling,
    targets,
    trailers,
)

TOPICS = {
    "request_lines": request_lines.CASES,
    "targets": targets.CASES,
    "fields": fields.CASES,
    "hosts": hosts.CASES,
    "lengths": lengths.CASES,
    "codings": codings.CASES,
    "chunks": chunks.CASES,
    "trailers": trailers.CASES,
    "expectations": expectations.CASES,
    "connections": connections.CASES,
    "limits": limits.CASES,
    "smuggling": smuggling.CASES,
}

TABLE: tuple[Case, ...] = tuple(case for cases in TOPICS.values() for case in cases)
