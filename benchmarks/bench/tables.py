"""Tables in Markdown: the targets, each case, and the usage of the processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from bench.case import UNITS, Case
from bench.figures import Figures, Place, Spread
from bench.report import Report, judged
from bench.targets import Verdict

KINDS: Final = ("gateway", "worker", "broker", "database", "load", "client")
"""Kinds of processes, in the order of the table."""

NOTHING: Final = "-"

PICTURES: Final = {
    "rates": "Replies per second of echo and whole job, ours and the peers'",
    "latency": "Latency of whole job and echo, one at a time and at half of the highest rate",
}
"""Description of each picture, by its name, for readers who do not see it."""


def page(report: Report, cases: Iterable[Case], pictures: Iterable[str] = ()) -> str:
    """Return everything that the documentation shows of a report.

    Args:
        report: the report.
        cases: cases whose tables are shown.
        pictures: paths of the pictures, relative to the page.
    """
    parts = [measured_with(report), *(f"![{PICTURES[Path(path).stem]}]({path})" for path in pictures)]
    parts += ["### Where it has to be\n\n" + targets(found)] if (found := judged(report)) else []
    for case in cases:
        if any(run.case == case.name for run in report.figures.runs):
            parts += [f"### {case.title}\n\n{of_case(report.figures, case)}"]
            parts += [failures] if (failures := failed(report.figures, case)) else []
            parts += [taken] if (taken := costs(report.figures, case)) else []
    return "\n\n".join(parts)


def measured_with(report: Report) -> str:
    """Return a text about the machine, the date, the time that it took, and the versions."""
    machine, versions = report.machine, ", ".join(f"{name} {text}" for name, text in report.versions.items())
    what = "A smoke test, whose figures mean nothing" if report.quick else "Measured"
    return (
        f"{what}: {machine['date']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}, "
        f"in {report.seconds / 60:.0f} minutes.\nVersions: {versions}."
    )


def targets(found: Iterable[Verdict]) -> str:
    """Return the table of targets with their verdicts."""
    rows = [
        [each.target.text, each.target.bound, NOTHING if each.value is None else number(each.value), each.word]
        for each in found
    ]
    return table(["figure", "bound", "measured", "verdict"], rows)


def of_case(figures: Figures, case: Case) -> str:
    """Return one row for each line and setting, with median, minimum and maximum of each figure."""
    rows = []
    for who, setting in _lines(figures, case):
        spreads = [figures.spread(Place(case.name, who, setting, figure)) for figure in case.shown]
        rows.append([who, setting, *map(cell, spreads)])
    return table(["who", "setting", *(UNITS[figure] for figure in case.shown)], rows)


def costs(figures: Figures, case: Case) -> str:
    """Return the usage of each kind of process in each line; "" if none was measured."""
    lines = [
        (who, setting, {kind: figures.cost(Place(case.name, who, setting), kind) for kind in KINDS})
        for who, setting in _lines(figures, case)
    ]
    kinds = [kind for kind in KINDS if any(taken[kind] for _, _, taken in lines)]
    if not kinds:
        return ""
    rows = [[who, setting, *(_cost(taken[kind]) for kind in kinds)] for who, setting, taken in lines]
    return "CPU seconds and peak memory in MB of a run, medians:\n\n" + table(["who", "setting", *kinds], rows)


def failed(figures: Figures, case: Case) -> str:
    """Return a list of the runs that failed, and that are therefore in no figure."""
    lines = []
    for run in figures.failed(case.name):
        reason = run.failure.splitlines()[0] if run.failure else "no reason given"
        lines.append(f"- FAILED, not counted: {run.who}, {run.setting}, round {run.round}: {reason}")
    return "\n".join(lines)


def cell(spread: Spread | None) -> str:
    """Return a median with its spread as text."""
    if spread is None:
        return NOTHING
    if spread.runs == 1:
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.least)}..{number(spread.most)})"


def number(value: float) -> str:
    """Return a number with its significant digits."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lines(figures: Figures, case: Case) -> list[tuple[str, str]]:
    """Return the lines of a case that were run; those of one worker follow each other."""
    lines = list(dict.fromkeys((run.who, run.setting) for run in figures.runs if run.case == case.name))
    first = {who: place for place, (who, _) in reversed(list(enumerate(lines)))}
    return sorted(lines, key=lambda line: first[line[0]])


def _cost(taken: tuple[Spread, Spread] | None) -> str:
    return f"{taken[0].median:.2f} s, {taken[1].median:.0f} MB" if taken else NOTHING
