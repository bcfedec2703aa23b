"""Lines take turns, and a run that fails costs no other."""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench.case import FULL, QUICK, Case, Line, Pace, RunFailed, Sample
from bench.cases import ALL
from bench.rig import Rig
from bench.rounds import describe, plan, run_all
from leveret.devbroker import DevBroker

PACE = replace(QUICK, rounds=2)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """One of which nothing runs."""
    return Rig(tmp_path, DevBroker(), tmp_path / "load", ExitStack())


def case(*lines: Line, most_rounds: int | None = None) -> Case:
    return Case(name="some", title="Some lines", lines=lambda _pace: lines, most_rounds=most_rounds)


def line(who: str, log: list[str], error: Exception | None = None) -> Line:
    def run(_rig: Rig, _pace: Pace) -> Sample:
        log.append(who)
        if error:
            raise error
        return Sample(values={"rate": 1.0})

    return Line(who=who, setting="64", run=run)


def test_lines_take_turns_round_after_round(rig: Rig) -> None:
    log: list[str] = []
    runs = run_all([case(line("a", log), line("b", log))], rig, PACE, lambda _text: None)
    assert log == ["a", "b", "a", "b"]
    assert [(run.who, run.round) for run in runs] == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]


@pytest.mark.parametrize("error", [RunFailed("3 missing"), OSError("3 missing")], ids=type)
def test_a_run_that_fails_is_kept_as_failed_and_the_others_go_on(rig: Rig, error: Exception) -> None:
    log: list[str] = []
    heard: list[str] = []
    runs = run_all([case(line("a", log, error), line("b", log))], rig, PACE, heard.append)
    assert log == ["a", "b", "a", "b"]
    assert [run.sample is None for run in runs] == [True, False, True, False]
    assert "3 missing" in runs[0].failure
    assert sum("FAILED" in text and "3 missing" in text for text in heard) == 2
    assert "rate 1" in describe(runs[1])


def test_what_a_case_keeps_is_let_go_when_it_is_over(rig: Rig) -> None:
    made: list[str] = []

    def run(rig: Rig, _pace: Pace, who: str) -> Sample:
        rig.kept("database", partial(made.append, who))
        rig.for_case.callback(made.append, "gone")
        return Sample(values={"rate": 1.0})

    lines = [Line(who=who, setting="64", run=partial(run, who=who)) for who in ("a", "b")]
    run_all([case(*lines, most_rounds=1), case(lines[1], most_rounds=1)], rig, PACE, lambda _text: None)
    assert made == ["a", "gone", "gone", "b", "gone"]


def test_a_long_case_is_run_less_often(rig: Rig) -> None:
    log: list[str] = []
    run_all([case(line("a", log), most_rounds=1)], rig, PACE, lambda _text: None)
    assert log == ["a"]


def test_the_plan_of_everything_fits_into_the_time_that_is_promised() -> None:
    """What is planned, in seconds; how long it really takes is for the run to say."""
    assert sum(each.planned(FULL) for each in ALL.values()) < 41 * 60
    assert sum(each.planned(QUICK) for each in ALL.values()) < 3 * 60
    assert all(name in plan(list(ALL.values()), FULL) for name in ALL)
