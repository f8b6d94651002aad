"""The benchmark's command: runs the scenarios in alternating rounds and writes the report."""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import chart
import install
import machine
import report
from client import AnswerError
from load import LoadError
from measure import KINDS, LOAD_CORE, Effort
from place import Place
from process import StartError
from results import Results
from rivals import SERVERS, VARIANT
from scenarios import MEBIBYTE, SCENARIOS, Scenario

RESULTS = Path(__file__).parent / "results"
FULL = Effort()
QUICK = Effort(
    rounds=1,
    wind_down=1,
    idle_seconds=1,
    idle_connections=200,
    idle_websockets=200,
    transfer=64 * MEBIBYTE,
    attempts=1,
)


def main() -> int:
    """Measures what the command line asks for; exits 0 also where a target is missed."""
    options = _parser().parse_args()
    directory = options.output or _directory(options)
    directory.mkdir(parents=True, exist_ok=True)
    results = Results.load(directory / "raw.json")
    if not options.redraw:
        try:
            measure(options, results)
        finally:
            results.save(directory / "raw.json")  # also what an interrupted run has measured
    (directory / "report.md").write_text(report.markdown(results))
    (directory / "chart.svg").write_text(chart.svg(results))
    print(f"{directory / 'report.md'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    names = [scenario.name for scenario in SCENARIOS]
    add = parser.add_argument
    add("--quick", action="store_true", help="one short round of each: a smoke test")
    add("--scenario", action="append", choices=names, help="only this one (may be repeated)")
    add("--server", action="append", choices=list(SERVERS), help="only this one (may be repeated)")
    add("--rounds", type=int, default=0, help=f"how many rounds (default {FULL.rounds})")
    add("--python", type=Path, default=sys.executable, help="the interpreter that has Tricorn")
    add("--output", type=Path, help="the report's directory; scenarios not run now stay in it")
    add("--redraw", action="store_true", help="only write the report and chart of --output anew")
    return parser


def _directory(options: argparse.Namespace) -> Path:
    """Only a full run goes by itself where reports are kept."""
    if options.quick or options.scenario or options.server:
        return RESULTS / "partial"
    return RESULTS / f"{datetime.date.today().isoformat()}-{machine.slug()}"


def measure(options: argparse.Namespace, results: Results) -> None:
    """Runs the chosen scenarios one after the other."""
    install.require_tools()
    effort = QUICK if options.quick else FULL
    effort = replace(effort, rounds=options.rounds or effort.rounds)
    install.raise_limits()
    os.sched_setaffinity(0, {LOAD_CORE})  # our own clients; servers and wrk have theirs set
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        directory = Path(scratch)
        place = Place(
            scratch=directory,
            rivals=install.rivals(),
            floor=install.floor(),
            python=options.python,
            certificate=install.certificate(directory),
        )
        results.date = datetime.date.today().isoformat()
        results.facts = machine.facts(place.rivals, place.python)
        for scenario in SCENARIOS:
            if scenario.name in (options.scenario or [scenario.name]):
                results.forget(scenario.name)
                measure_scenario(scenario, options.server or list(SERVERS), place, effort, results)


def measure_scenario(
    scenario: Scenario, only: list[str], place: Place, effort: Effort, results: Results
) -> None:
    """Every server once in each round, in an order that turns, so that drift hits all alike."""
    servers = [name for name in scenario.servers if re.sub(VARIANT, "", name) in only]
    for turn in range(effort.rounds if servers else 0):
        first = turn % len(servers)
        for server in servers[first:] + servers[:first]:
            measure_server(scenario, server, place, effort, results)


def measure_server(
    scenario: Scenario, server: str, place: Place, effort: Effort, results: Results
) -> None:
    """One run of one server; what goes wrong is noted, and the others go on."""
    launch = place.launch(scenario, server)
    if launch is None:
        return
    try:
        figures = KINDS[scenario.kind](launch, effort)
    except (StartError, LoadError, AnswerError, OSError) as error:
        results.fail(scenario.name, server, f"{error or type(error).__name__}")
        shown = f"failed: {error}"
    else:
        results.add(scenario.name, server, figures)
        shown = "  ".join(f"{metric} {value:,.2f}" for metric, value in figures.items())
    print(f"{scenario.name:18} {server:14} {shown}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
