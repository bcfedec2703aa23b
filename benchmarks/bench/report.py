"""Writes a report as one JSON document, and reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.case import Sample, Usage
from bench.figures import Figures, Place, Run
from bench.targets import Verdict, verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All runs of the bench, and the conditions under which they were measured.

    Attributes:
        figures: the runs.
        machine: cores, memory and system of the machine, and the date.
        versions: versions of servers and libraries, by name.
        seconds: how many seconds everything took.
        quick: whether this was a smoke test, whose figures mean nothing.
    """

    figures: Figures
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    seconds: float
    quick: bool


def document(report: Report) -> dict[str, Any]:
    """Return the report as a document, which also contains medians and verdicts for its readers."""
    return {
        "quick": report.quick,
        "seconds": round(report.seconds, 1),
        "machine": dict(report.machine),
        "versions": dict(report.versions),
        "runs": [_run(run) for run in report.figures.runs],
        "medians": _medians(report.figures),
        "targets": [
            {"text": each.target.text, "bound": each.target.bound, "value": each.value, "reached": each.reached}
            for each in judged(report)
        ],
    }


def judged(report: Report) -> list[Verdict]:
    """Compare the figures with the targets; those of a smoke test are not compared."""
    return [] if report.quick else verdicts(report.figures)


def write(report: Report, path: Path) -> None:
    """Write the report to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(report), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Report:
    """Read a report from a file that `write` has written."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Report(
        figures=Figures([_run_of(each) for each in found["runs"]]),
        machine=found["machine"],
        versions=found["versions"],
        seconds=found["seconds"],
        quick=found["quick"],
    )


def _run(run: Run) -> dict[str, Any]:
    kept = asdict(run)
    if run.sample:
        kept["sample"]["values"] = {name: round(value, 4) for name, value in run.sample.values.items()}
    return kept


def _run_of(kept: dict[str, Any]) -> Run:
    sample = kept.pop("sample")
    if sample is not None:
        processes = {kind: Usage(**usage) for kind, usage in sample["processes"].items()}
        sample = Sample(values=sample["values"], processes=processes)
    return Run(sample=sample, **kept)


def _medians(figures: Figures) -> list[dict[str, Any]]:
    places = dict.fromkeys(
        Place(run.case, run.who, run.setting, name) for run in figures.runs if run.sample for name in run.sample.values
    )
    spreads = ((place, figures.spread(place)) for place in places)
    return [{**place._asdict(), **found._asdict()} for place, found in spreads if found]
