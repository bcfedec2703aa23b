"""Playing cases: round after round, in each of them every line once, so that lines take turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from bench.case import Case, Line, Pace, RunFailed
from bench.figures import Run
from bench.rig import Rig

Tell = Callable[[str], None]


def play_all(cases: Sequence[Case], rig: Rig, pace: Pace, tell: Tell) -> list[Run]:
    """Play cases one after another; a run that fails is told of and kept as failed."""
    runs: list[Run] = []
    for case in cases:
        began = time.monotonic()
        tell(f"{case.name}: {case.title}")
        try:
            for run in play(case, rig, pace):
                tell(told(run))
                runs.append(run)
        finally:
            rig.forget()
        tell(f"  {time.monotonic() - began:.0f} s, planned {case.planned(pace):.0f} s")
    return runs


def play(case: Case, rig: Rig, pace: Pace) -> Iterator[Run]:
    """Play one case: A B C A B C and so on."""
    lines = case.lines(pace)
    for number in range(1, case.rounds(pace) + 1):
        for line in lines:
            yield play_one(case, line, number, rig, pace)


def play_one(case: Case, line: Line, number: int, rig: Rig, pace: Pace) -> Run:
    """Play a line once."""
    began = time.monotonic()
    sample, failure = None, ""
    try:
        sample = line.play(rig, pace)
    except RunFailed as error:
        failure = str(error)
    except Exception as error:  # whatever it is, the half hour of all the other runs is not lost for it
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


def told(run: Run) -> str:
    """Say what a run came to, in one line."""
    name = f"  {run.round} {run.who} [{run.setting}]"
    if run.sample is None:
        return f"{name:58} FAILED: {run.failure}"
    values = " ".join(f"{figure} {value:,.4g}" for figure, value in run.sample.values.items())
    cpu = " ".join(
        f"{kind} {usage.cpu_seconds:.1f}s/{usage.peak_mb:.0f}MB" for kind, usage in run.sample.processes.items()
    )
    return f"{name:58} {values} | {cpu} ({run.seconds:.1f} s)"


def plan(cases: Sequence[Case], pace: Pace) -> str:
    """Say how long each case is planned to take."""
    lines = [f"{'case':12} {'lines':>5} {'rounds':>6} {'planned':>8}"]
    for case in cases:
        count = len(case.lines(pace))
        lines.append(f"{case.name:12} {count:5} {case.rounds(pace):6} {case.planned(pace):6.0f} s  {case.title}")
    lines.append(f"all together {sum(case.planned(pace) for case in cases) / 60:.1f} minutes")
    return "\n".join(lines)
