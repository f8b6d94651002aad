"""The chart as SVG: a panel for each scenario under load, a bar for each server's CPU."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from results import Results
from scenarios import Scenario

COLUMNS = 2
WIDTH = 490  # of a panel, in pixels, as all lengths here
NAMES = 95
BARS = 280
ROW = 18
TITLE = 30
GAP = 14
LONGEST = 4.0  # a bar of this many times the reference fills the panel; longer ones are cut
STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.rival { fill: #9aa5b1 } .tricorn { fill: #0b7285 } .floor { fill: #d0d7de }
.one { stroke: #0b7285; stroke-dasharray: 2 3 }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .paper { fill: #0d1117 }
  .rival { fill: #6e7681 } .tricorn { fill: #3bc9db } .floor { fill: #30363d }
}"""


def svg(results: Results) -> str:
    """Server CPU per request, as a multiple of Tricorn's (or of the best, where it is missing)."""
    panels = [
        (scenario, ratios)
        for scenario in results.scenarios()
        if (ratios := _ratios(results, scenario))
    ]
    body: list[str] = []
    top = TITLE
    for index in range(0, len(panels), COLUMNS):
        row = panels[index : index + COLUMNS]
        for column, (scenario, ratios) in enumerate(row):
            body += _panel(scenario.title, ratios, GAP + column * WIDTH, top)
        top += TITLE + GAP + ROW * max(len(ratios) for _, ratios in row)
    width = GAP + WIDTH * COLUMNS
    heading = f"Server CPU per request, x Tricorn (shorter is better) - {results.facts['machine']}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" role="img">',
            f"<title>{escape(heading)}</title><style>{STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{top}"/>',
            _text(GAP, 20, heading, "title"),
            *body,
            "</svg>\n",
        ]
    )


def _ratios(results: Results, scenario: Scenario) -> list[tuple[str, float]]:
    """Each server's ratio to the reference, least first."""
    order = results.medians(scenario.name, "cpu", scenario.servers)
    rivals = [server for server in order if server != "floor"]
    reference = "tricorn" if "tricorn" in order else next(iter(rivals), "floor")
    ratios = {
        server: results.ratio(scenario.name, "cpu", server, reference) or 0.0 for server in order
    }
    return sorted(ratios.items(), key=lambda pair: pair[1])


def _panel(title: str, ratios: list[tuple[str, float]], left: int, top: int) -> Iterator[str]:
    yield _text(left, top + 20, title, "title")
    for index, (server, ratio) in enumerate(ratios):
        yield from _bar(server, ratio, left, top + TITLE + index * ROW)
    x = left + NAMES + BARS / LONGEST
    bottom = top + TITLE + len(ratios) * ROW
    yield f'<line class="one" x1="{x}" x2="{x}" y1="{top + TITLE}" y2="{bottom}"/>'


def _bar(server: str, ratio: float, left: int, y: int) -> Iterator[str]:
    length = BARS * min(ratio, LONGEST) / LONGEST
    kind = server if server in ("tricorn", "floor") else "rival"
    yield _text(left, y + 12, server)
    yield (
        f'<rect class="{kind}" x="{left + NAMES}" y="{y + 2}" '
        f'width="{length:.1f}" height="{ROW - 5}"/>'
    )
    cut = " (cut)" if ratio > LONGEST else ""
    yield _text(left + NAMES + length + 5, y + 12, f"{ratio:.2f}{cut}")


def _text(x: float, y: float, text: str, kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
