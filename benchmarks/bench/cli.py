"""The command line of ``python -m bench``: measures, or publishes what was measured."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import report, tables
from bench.case import FULL, QUICK, Case, Pace
from bench.cases import ALL
from bench.figures import Figures
from bench.machine import machine, versions
from bench.pages import publish
from bench.pictures import draw
from bench.rigging import rigged
from bench.rounds import plan, run_all

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "performance.md"
PICTURES: Final = ROOT / "docs" / "pictures"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or publish what was measured; return 0 only if every run counts."""
    options = _parser().parse_args(arguments)
    if options.publish:
        return _publish(options.publish)
    pace = QUICK if options.quick else FULL
    pace = replace(pace, rounds=options.rounds or pace.rounds)
    cases = [ALL[name] for name in options.only] or list(ALL.values())
    print(plan(cases, pace), flush=True)
    if options.list:
        return 0
    # Everything ends, and no folder stays. A shell has SIGINT ignored in what it starts in the background.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    found = _measure(cases, pace, quick=options.quick)
    report.write(found, options.output)
    files = draw(found, options.output.parent / f"{options.output.stem}-pictures")
    print("\n" + tables.page(found, cases))
    print(f"\nall figures: {options.output}", *(f"picture: {file}" for file in files), sep="\n")
    return 1 if any(run.sample is None for run in found.figures.runs) else 0


def _measure(cases: Sequence[Case], pace: Pace, *, quick: bool) -> report.Report:
    began = time.monotonic()
    with rigged() as rig:
        runs = run_all(cases, rig, pace, lambda text: print(text, flush=True))
        used = asyncio.run(versions(rig))
    return report.Report(
        figures=Figures(runs), machine=machine(), versions=used, seconds=time.monotonic() - began, quick=quick
    )


def _publish(path: Path) -> int:
    found = report.read(path)
    if found.quick:
        print(f"{path} comes from a smoke test: its figures mean nothing and are not published", file=sys.stderr)
        return 2
    files = draw(found, PICTURES)
    shown = [file.relative_to(PAGE.parent).as_posix() for file in files if file.suffix == ".png"]
    publish(PAGE, tables.page(found, ALL.values(), shown))
    print(PAGE, *files, sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="measure this system and its peers side by side"
    )
    parser.add_argument("--quick", action="store_true", help="a little of everything, to see that the bench works")
    parser.add_argument("--only", action="append", default=[], choices=list(ALL), help="one case; repeatable")
    parser.add_argument("--rounds", type=_positive, help=f"runs of each line (default: {FULL.rounds}; quick: 1)")
    parser.add_argument("--list", action="store_true", help="print the plan and stop")
    parser.add_argument(
        "--output", type=Path, default=Path(".run/bench.json"), help="all runs as JSON (default: %(default)s)"
    )
    parser.add_argument(
        "--publish",
        type=Path,
        metavar="FILE",
        help="put the tables and pictures of an earlier run into docs/, and stop",
    )
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number
