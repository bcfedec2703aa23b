"""What an observer costs is told from turns with and without it that follow each other."""

import pytest

from bench.cases.observing import Turn, half_width, values_of


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


def test_a_turn_whose_processor_was_disturbed_does_not_decide_about_its_time() -> None:
    pairs = [(turn(10_000, 50.0), turn(10_000, 51.0))] * 4 + [(turn(10_000, 50.0), turn(10_000, 90.0))]
    assert values_of(pairs)["cpu_cost_us"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("count", "ranks"),
    [(6, (1, 6)), (9, (2, 8)), (10, (2, 9)), (20, (6, 15)), (25, (8, 18)), (100, (40, 61))],
)
def test_a_median_is_as_exact_as_the_sign_test_says(count: int, ranks: tuple[int, int]) -> None:
    least, most = ranks  # tables of the sign test, 5 % on both sides together
    assert half_width([float(number) for number in range(1, count + 1)]) == (most - least) / 2


def test_few_pairs_do_not_tell_how_exact_they_are() -> None:
    assert half_width([1.0] * 5) is None
    assert {"rate_error", "cpu_error_us"}.isdisjoint(values_of([(turn(10_000, 50.0), turn(10_000, 50.0))]))
