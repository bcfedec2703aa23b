"""What an observer costs is told from turns with and without it that follow each other."""

import pytest

from bench.cases.observing import Turn, values_of


def turn(rate: float, cpu_us: float) -> Turn:
    return Turn(rate=rate, replies=rate, cpu=rate * cpu_us / 1e6)


def test_a_machine_that_slows_down_for_both_changes_no_cost() -> None:
    pairs = [(turn(10_000, 50.0), turn(9_900, 51.0)), (turn(5_000, 50.0), turn(4_950, 51.0))]
    found = values_of(pairs)
    assert found["rate_cost"] == pytest.approx(1.0)
    assert found["cpu_us"] == pytest.approx(51.0)
    assert found["cpu_cost_us"] == pytest.approx(1.0)
    assert found["rate"] == (9_900 + 4_950) / 2


def test_one_turn_that_was_disturbed_does_not_decide_about_the_rate() -> None:
    pairs = [(turn(10_000, 50.0), turn(9_950, 50.0))] * 4 + [(turn(10_000, 50.0), turn(1_000, 50.0))]
    assert values_of(pairs)["rate_cost"] == pytest.approx(0.5)
