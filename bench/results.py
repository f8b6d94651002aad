"""What was measured, by scenario and server, and whether it meets the targets."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from scenarios import HIGHER_IS_BETTER, SCENARIOS, Scenario, Target

Series = dict[str, list[float]]  # metric -> one value for each round


@dataclass(slots=True)
class Results:
    """All figures, the facts about their making, and why some servers have none."""

    date: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    figures: dict[str, dict[str, Series]] = field(default_factory=dict)
    failures: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Results:
        """Reads what `save` has written; empty if there is no such file."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, path: Path) -> None:
        """Writes everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def forget(self, scenario: str) -> None:
        """Drops a scenario: servers of different runs are never compared."""
        self.figures.pop(scenario, None)
        self.failures.pop(scenario, None)

    def add(self, scenario: str, server: str, figures: dict[str, float]) -> None:
        """Appends one round."""
        series = self.figures.setdefault(scenario, {}).setdefault(server, {})
        for metric, value in figures.items():
            series.setdefault(metric, []).append(value)

    def fail(self, scenario: str, server: str, reason: str) -> None:
        """Notes why a server has no figure in a round; the last reason stays."""
        self.failures.setdefault(scenario, {})[server] = reason

    def values(self, scenario: str, server: str, metric: str) -> list[float]:
        """One value for each round."""
        return self.figures.get(scenario, {}).get(server, {}).get(metric, [])

    def value(self, scenario: str, server: str, metric: str) -> float | None:
        """The median over the rounds; None if it was not measured."""
        values = self.values(scenario, server, metric)
        return median(values) if values else None

    def medians(self, scenario: str, metric: str, servers: Iterable[str]) -> dict[str, float]:
        """The medians of those servers that have one, best first."""
        found = {name: self.value(scenario, name, metric) for name in servers}
        known = [(name, value) for name, value in found.items() if value is not None]
        known.sort(key=lambda pair: pair[1], reverse=metric in HIGHER_IS_BETTER)
        return dict(known)

    def ratio(self, scenario: str, metric: str, server: str, reference: str) -> float | None:
        """The median over the rounds of `server` / `reference`; None if one was not measured.

        Round by round, because a machine's pace drifts within minutes and both share a round.
        """
        own = self.values(scenario, server, metric)
        other = self.values(scenario, reference, metric)
        pairs = [a / b for a, b in zip(own, other, strict=False) if b]
        return median(pairs) if pairs else None

    def scenarios(self) -> list[Scenario]:
        """The scenarios with anything to report, in the order of their table."""
        return [item for item in SCENARIOS if item.name in self.figures | self.failures]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target and what was measured: the ratio to `reference`, or without one the value."""

    target: Target
    measured: float | None
    reference: str

    @property
    def met(self) -> bool | None:
        """None if it could not be measured."""
        if self.measured is None:
            return None
        if self.target.metric in HIGHER_IS_BETTER:
            return self.measured >= self.target.factor
        return self.measured <= self.target.factor


def judge(results: Results, scenario: Scenario, target: Target) -> Verdict:
    """Compares with each of the target's others; the one that is hardest to meet counts."""
    metric, subject = target.metric, target.subject
    if not target.others:
        return Verdict(target, results.value(scenario.name, subject, metric), "")
    ratios = {
        name: ratio
        for name in target.others
        if (ratio := results.ratio(scenario.name, metric, subject, name)) is not None
    }
    if not ratios:
        return Verdict(target, None, "")
    hardest = min if metric in HIGHER_IS_BETTER else max
    reference = hardest(ratios, key=ratios.__getitem__)
    return Verdict(target, ratios[reference], reference)
