"""The report as Markdown: facts, the table of targets, and every figure with its spread."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from results import Results, Verdict, judge
from rivals import RIVALS, SERVERS
from scenarios import HIGHER_IS_BETTER, METRICS, Scenario, Target

SUBJECT = "tricorn"
METHOD = """\
One process for each server, pinned to one core, and the load to the other (scenarios that say two
cores: both share both). The load is made by wrk, for HTTP/2 by h2load, for handshakes by ab, as wrk
would resume them, and for WebSockets by a client of our own. Nine request headers. In each round
every server is started, its answer checked, warmed up and measured once. CPU is user and system
time of the server's whole process tree. The figure is the ratio between two servers: the median
over the rounds of the ratio within a round. What is not a ratio holds for this machine only: a
median, and in brackets the lowest and the highest. A run during which other processes took much of
the machine is measured again.
"""
VERDICTS = {True: "met", False: "**not met**", None: "not measured"}


def markdown(results: Results) -> str:
    """The whole report."""
    parts = [
        f"# Benchmark, {results.date}, {results.facts['machine']}\n",
        METHOD,
        "![CPU per request by scenario and server](chart.svg)\n",
        "## Targets\n",
        _targets(results),
        "## Figures\n",
        *(_scenario(results, scenario) for scenario in results.scenarios()),
        "## What ran\n",
        _table(("what", "version or fact"), results.facts.items()),
        _notes(),
    ]
    return "\n".join(parts)


def _targets(results: Results) -> str:
    verdicts = [
        (scenario, judge(results, scenario, target))
        for scenario in results.scenarios()
        for target in scenario.targets
    ]
    head = ("scenario", "target", "measured", "verdict")
    rows = (
        (scenario.title, _wanted(verdict.target), _measured(verdict), VERDICTS[verdict.met])
        for scenario, verdict in verdicts
    )
    met = sum(verdict.met is True for _, verdict in verdicts)
    return f"{met} of {len(verdicts)} met.\n\n{_table(head, rows)}"


def _wanted(target: Target) -> str:
    sign = ">=" if target.metric in HIGHER_IS_BETTER else "<="
    subject = "" if target.subject == SUBJECT else f" of {target.subject}"
    name, unit = METRICS[target.metric]
    what = f"{name}{subject}"
    if not target.others:
        return f"{what} {sign} {target.factor:,g} {unit}".rstrip()
    others = "the best rival" if target.others == RIVALS else " or ".join(target.others)
    return f"{what} {sign} {target.factor:.2f} x {others}"


def _measured(verdict: Verdict) -> str:
    if verdict.measured is None:
        return "-"
    if not verdict.reference:
        return _number(verdict.measured)
    return f"{verdict.measured:.2f} x {verdict.reference}"


def _scenario(results: Results, scenario: Scenario) -> str:
    series = results.figures.get(scenario.name, {})
    metrics = list(dict.fromkeys(name for values in series.values() for name in values))
    if not metrics:
        return f"### {scenario.title}\n\n" + _failures(results, scenario)
    order = results.medians(scenario.name, metrics[0], series)
    head = ("server", "x tricorn", *(_heading(metric) for metric in metrics))
    rows = (
        (
            server,
            _ratio(results.ratio(scenario.name, metrics[0], server, SUBJECT)),
            *(_spread(series[server][name]) for name in metrics),
        )
        for server in order
    )
    table = _table(head, rows)
    rounds = max(len(series[server][metrics[0]]) for server in order)
    return f"### {scenario.title}\n\nRounds: {rounds}.\n\n{table}" + _failures(results, scenario)


def _heading(metric: str) -> str:
    name, unit = METRICS[metric]
    return f"{name}, {unit}" if unit else name


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _spread(values: list[float]) -> str:
    return f"{_number(median(values))} ({_number(min(values))} - {_number(max(values))})"


def _number(value: float) -> str:
    """Three significant digits, no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _failures(results: Results, scenario: Scenario) -> str:
    failures = results.failures.get(scenario.name, {})
    measured = results.figures.get(scenario.name, {})
    lines = (
        f"- {server}: {'not in every round' if server in measured else 'no figure'}: `{reason}`\n"
        for server, reason in failures.items()
    )
    return "\n" + "".join(lines)


def _notes() -> str:
    lines = (f"- {name}: {server.note}\n" for name, server in SERVERS.items() if server.note)
    return "Notes:\n\n" + "".join(lines)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)
