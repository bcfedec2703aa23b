"""Whether a target is reached is a matter of the medians and its bound."""

import pytest

from bench.case import FULL, Sample
from bench.cases import ALL
from bench.figures import Figures, Place, Run
from bench.targets import TARGETS, Target, Verdict, value_of, verdicts

OURS, THEIRS = Place("echo", "ours", "64"), Place("echo", "theirs", "64")
FASTER = Target(text="times theirs", of=OURS, to=THEIRS, least=6.0)
SMALL = Target(text="seconds", of=OURS._replace(figure="seconds"), most=1.0)


def runs(**rates: float | None) -> Figures:
    """A round in which each of the names had this rate, and took its inverse in seconds; None for a failed run."""
    samples = {who: Sample(values={"rate": rate, "seconds": 1 / rate}) if rate else None for who, rate in rates.items()}
    return Figures([Run(case="echo", who=who, setting="64", round=1, sample=each) for who, each in samples.items()])


@pytest.mark.parametrize(("rate", "reached"), [(599.0, False), (600.0, True), (5000.0, True)])
def test_a_ratio_is_reached_from_its_bound_on(rate: float, reached: bool) -> None:
    verdict = Verdict(FASTER, value_of(FASTER, runs(ours=rate, theirs=100.0)))
    assert verdict.value == rate / 100
    assert verdict.reached is reached


@pytest.mark.parametrize(("rate", "reached"), [(0.5, False), (1.0, True), (4.0, True)])
def test_a_figure_that_has_to_be_small_is_reached_up_to_its_bound(rate: float, reached: bool) -> None:
    assert Verdict(SMALL, value_of(SMALL, runs(ours=rate))).reached is reached


@pytest.mark.parametrize("figures", [runs(ours=600.0), runs(theirs=100.0), runs(ours=600.0, theirs=None), runs()])
def test_what_was_not_measured_is_neither_reached_nor_missed(figures: Figures) -> None:
    verdict = Verdict(FASTER, value_of(FASTER, figures))
    assert verdict.reached is None
    assert verdict.word == "not measured"


def test_every_target_gets_a_verdict() -> None:
    found = verdicts(Figures())
    assert [each.target for each in found] == list(TARGETS)
    assert {each.reached for each in found} == {None}


def test_every_target_has_one_bound() -> None:
    assert [target.text for target in TARGETS if (target.least is None) == (target.most is None)] == []
    assert len({target.text for target in TARGETS}) == len(TARGETS)


def test_every_target_names_lines_that_are_run() -> None:
    """A line that was given another name would never be measured, and nobody would see its target vanish."""
    lines = {(name, line.who, line.setting) for name, case in ALL.items() for line in case.lines(FULL)}
    places = [place for target in TARGETS for place in (target.of, target.to) if place]
    assert [place for place in places if place[:3] not in lines] == []
