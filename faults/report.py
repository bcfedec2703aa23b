"""Reports: a block for each scene, a summary, everything as JSON, and the table for the documentation."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from faults.ledger import MUST_BE_ZERO
from faults.runner import Finding

NAMES: Final = {
    "duplicates": "duplicate effects",
    "letters_due": "letters due",
    "letters_undue": "letters not due",
    "letters_repeated": "letters twice",
    "asked_again": "asked again",
}


def block(finding: Finding, seed: int) -> str:
    """Return one scene's figures in a few lines."""
    scene, figures = finding.scene, finding.figures
    known = ", ".join(f"{name} {number}" for name, number in finding.versions.items())
    lines = [
        f"{scene.title} ({scene.name}): {finding.verdict.upper()} in {finding.seconds:.0f} s, seed {seed}, {known}",
        f"  strikes {finding.strikes} (needed {finding.plan.strikes}), requests needed {finding.plan.requests}",
        "  " + ", ".join(f"{_name(name)} {count}" for name, count in figures.counts().items()),
        "  " + ", ".join(f"{name} {number:g} ms" for name, number in finding.quantiles.items()),
        "  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in finding.phases.items()),
        *(f"  {name}: {_note(value)}" for name, value in finding.notes.items()),
        *(f"  {_name(name)}: {', '.join(ids)}" for name, ids in figures.examples.items()),
    ]
    for why in (finding.failure, finding.invalid):
        if why:
            lines += [f"  {line}" for line in why.splitlines()]
    return "\n".join(line for line in lines if line.strip())


def summary(findings: Sequence[Finding]) -> str:
    """Return one line for each scene."""
    width = max((len(finding.scene.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        figures = finding.figures
        wrong = sum(getattr(figures, name) for name in MUST_BE_ZERO)
        lines.append(
            f"{finding.scene.name:{width}}  {finding.verdict:7}  strikes {finding.strikes:5}  sent {figures.sent:6}"
            f"  wrong {wrong}  letters due {figures.letters_due:4}  {finding.seconds:5.0f} s"
        )
    return "\n".join(lines)


def table(findings: Sequence[Finding]) -> str:
    """Return the table for the documentation, in Markdown."""
    head = ["fault", "strikes", "accepted", "answered", *map(_name, MUST_BE_ZERO)]
    head += [_name("letters_due"), _name("letters_repeated"), "p99, ms"]
    rows = [head, ["---"] * len(head)]
    for finding in findings:
        figures = finding.figures
        zeros = [str(getattr(figures, name)) for name in MUST_BE_ZERO]
        counts = [finding.strikes, figures.accepted, figures.answered]
        p99 = f"{finding.quantiles.get('p99', 0):.0f}"
        letters = [str(figures.letters_due), str(figures.letters_repeated)]
        rows.append([finding.scene.title, *map(str, counts), *zeros, *letters, p99])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def document(findings: Sequence[Finding], seed: int, *, short: bool) -> dict[str, Any]:
    """Return everything as a value that can be written as JSON."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "seed": seed,
        "short": short,
        "machine": {"cores": os.cpu_count(), "system": platform.platform()},
        "versions": {"leveret": version("leveret"), "Python": platform.python_version()},
        "scenes": [_scene(finding) for finding in findings],
    }


def _scene(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.scene.name,
        "title": finding.scene.title,
        "verdict": finding.verdict,
        "failure": finding.failure or finding.invalid,
        "strikes": finding.strikes,
        "needed": {"strikes": finding.plan.strikes, "requests": finding.plan.requests},
        "figures": finding.figures.counts(),
        "examples": finding.figures.examples,
        "milliseconds": finding.quantiles,
        "seconds": round(finding.seconds, 1),
        "phases": {name: round(seconds, 1) for name, seconds in finding.phases.items()},
        "versions": finding.versions,
        "notes": finding.notes,
    }


def _name(name: str) -> str:
    return NAMES.get(name, name)


def _note(value: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, dict) else str(value)
