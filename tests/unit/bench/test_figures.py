"""Figures are made of the runs that count, and of nothing else."""

import pytest

from bench.case import Sample, Usage
from bench.figures import Figures, Place, Run, growth, ratio, spread


def run(number: int, rate: float | None, who: str = "leveret") -> Run:
    sample = None if rate is None else Sample(values={"rate": rate}, processes={"worker": taken(rate)})
    return Run(case="echo", who=who, setting="64", round=number, sample=sample, failure="" if sample else "1 missing")


def taken(rate: float) -> Usage:
    return Usage(cpu_seconds=rate / 1000, peak_mb=50 + rate / 1000)


def test_a_figure_is_the_median_with_the_least_and_the_most() -> None:
    figures = Figures([run(number, rate) for number, rate in enumerate((900.0, 1000.0, 5000.0))])
    assert figures.spread(Place("echo", "leveret", "64")) == (1000.0, 900.0, 5000.0, 3)


def test_a_failed_run_has_no_part_in_a_figure() -> None:
    figures = Figures([run(1, 1000.0), run(2, None), run(3, 3000.0)])
    assert figures.spread(Place("echo", "leveret", "64")) == (2000.0, 1000.0, 3000.0, 2)
    assert [failed.round for failed in figures.failed("echo")] == [2]


def test_where_every_run_failed_there_is_no_figure() -> None:
    figures = Figures([run(1, None), run(2, None)])
    assert figures.spread(Place("echo", "leveret", "64")) is None
    assert figures.cost(Place("echo", "leveret", "64"), "worker") is None


def test_runs_of_other_lines_do_not_count() -> None:
    figures = Figures([run(1, 1000.0), run(1, 10.0, who="other")])
    assert figures.spread(Place("echo", "leveret", "64")) == (1000.0, 1000.0, 1000.0, 1)


def test_a_figure_that_no_run_has_is_not_there() -> None:
    assert Figures([run(1, 1000.0)]).spread(Place("echo", "leveret", "64", "p50_ms")) is None


def test_the_cost_of_a_line_is_taken_by_kind_of_process() -> None:
    figures = Figures([run(1, 1000.0), run(2, 3000.0)])
    seconds, peak = figures.cost(Place("echo", "leveret", "64"), "worker") or (None, None)
    assert (seconds, peak) == ((2.0, 1.0, 3.0, 2), (52.0, 51.0, 53.0, 2))
    assert figures.cost(Place("echo", "leveret", "64"), "database") is None


def test_a_ratio_is_that_of_the_medians() -> None:
    assert ratio(spread([100.0, 200.0, 900.0]), spread([50.0])) == 4.0


@pytest.mark.parametrize(("of", "to"), [(None, [1.0]), ([1.0], None), ([1.0], [0.0])])
def test_a_ratio_with_a_part_missing_is_unknown(of: list[float] | None, to: list[float] | None) -> None:
    assert ratio(spread(of or []), spread(to or [])) is None


def test_memory_that_rises_in_the_second_half_has_grown_by_that() -> None:
    assert growth([10.0, 90.0, 50.0, 51.0, 52.0, 53.0]) == pytest.approx(3.0 - 1.0)


def test_memory_that_rises_at_first_only_has_not_grown() -> None:
    assert growth([10.0, 30.0, 50.0, 50.0, 50.0, 50.0]) == 0.0


def test_one_look_that_is_off_hardly_moves_the_growth() -> None:
    flat = [50.0] * 200
    assert abs(growth([*flat[:-1], 60.0])) < 0.7


def test_too_few_looks_show_no_growth() -> None:
    assert growth([50.0]) == 0.0
