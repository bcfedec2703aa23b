"""Runs cases in rounds; each round runs every line once, so that the lines alternate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from bench.case import Case, Line, Pace, RunFailed
from bench.figures import Run
from bench.rig import Rig

Tell = Callable[[str], None]


def run_all(cases: Sequence[Case], rig: Rig, pace: Pace, tell: Tell) -> list[Run]:
    """Run cases one after the other; a run that fails is reported and kept as failed."""
    runs: list[Run] = []
    for case in cases:
        began = time.monotonic()
        tell(f"{case.name}: {case.title}")
        try:
            for run in run_case(case, rig, pace):
                tell(describe(run))
                runs.append(run)
        finally:
            rig.forget()
        tell(f"  {time.monotonic() - began:.0f} s, planned {case.planned(pace):.0f} s")
    return runs


def run_case(case: Case, rig: Rig, pace: Pace) -> Iterator[Run]:
    """Run one case with its lines in the order A B C A B C and so on."""
    lines = case.lines(pace)
    for number in range(1, case.rounds(pace) + 1):
        for line in lines:
            yield run_once(case, line, number, rig, pace)


def run_once(case: Case, line: Line, number: int, rig: Rig, pace: Pace) -> Run:
    """Run a line once."""
    began = time.monotonic()
    sample, failure = None, ""
    try:
        sample = line.run(rig, pace)
    except RunFailed as error:
        failure = str(error)
    except Exception as error:  # no error may lose the other runs, which take half an hour
        failure = f"{type(error).__name__}: {error}"
    return Run(
        case=case.name,
        who=line.who,
        setting=line.setting,
        round=number,
        sample=sample,
        failure=failure,
        seconds=round(time.monotonic() - began, 2),
    )


def describe(run: Run) -> str:
    """Return one line that describes the result of a run."""
    name = f"  {run.round} {run.who} [{run.setting}]"
    if run.sample is None:
        return f"{name:58} FAILED: {run.failure}"
    values = " ".join(f"{figure} {value:,.4g}" for figure, value in run.sample.values.items())
    cpu = " ".join(
        f"{kind} {usage.cpu_seconds:.1f}s/{usage.peak_mb:.0f}MB" for kind, usage in run.sample.processes.items()
    )
    return f"{name:58} {values} | {cpu} ({run.seconds:.1f} s)"


def plan(cases: Sequence[Case], pace: Pace) -> str:
    """Return a table with the planned time of each case."""
    lines = [f"{'case':12} {'lines':>5} {'rounds':>6} {'planned':>8}"]
    for case in cases:
        count = len(case.lines(pace))
        lines.append(f"{case.name:12} {count:5} {case.rounds(pace):6} {case.planned(pace):6.0f} s  {case.title}")
    lines.append(f"in total {sum(case.planned(pace) for case in cases) / 60:.1f} minutes")
    return "\n".join(lines)
