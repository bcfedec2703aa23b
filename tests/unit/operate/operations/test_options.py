"""Steps and rates of operations, as texts and as numbers."""

import pytest

from leveret.operate.operations.options import read_rate, read_steps, steps_of
from leveret.operate.operations.pace import LARGEST_PORTION, Pace


@pytest.mark.parametrize(("text", "steps"), [("all", ()), ("1,5,50,all", (1, 5, 50)), (" 1 , all ", (1,))])
def test_steps_are_read(text: str, steps: tuple[int, ...]) -> None:
    assert read_steps(text) == steps


@pytest.mark.parametrize("text", ["", "1,5", "all,1", "0,all", "-1,all", "x,all", "1.5,all", "\u0661,all"])
def test_what_are_not_steps_is_refused_with_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected numbers above 0 and then all"):
        read_steps(text)


def test_too_many_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="21 steps: expected 20 at most"):
        read_steps("1," * 20 + "all")


@pytest.mark.parametrize(("text", "rate"), [("200/s", 200), ("30/m", 0.5), ("36/h", 0.01), ("7", 7), ("0.5/s", 0.5)])
def test_a_rate_is_read_as_letters_a_second(text: str, rate: float) -> None:
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0/s", "-1/s", "200/d", "nan", "1e3/s", "999999/s"])
def test_what_is_not_a_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        read_rate(text)


def test_each_letter_belongs_to_one_step() -> None:
    steps = steps_of(10, (1, 5))
    assert [(each.number, each.of, each.places) for each in steps] == [
        (1, 3, range(1)),
        (2, 3, range(1, 6)),
        (3, 3, range(6, 10)),
    ]
    assert [each.is_last for each in steps] == [False, False, True]


def test_steps_that_would_be_empty_are_left_out() -> None:
    assert [each.places for each in steps_of(3, (1, 5, 50))] == [range(1), range(1, 3)]
    assert steps_of(0, (1, 5)) == ()


def test_letters_are_paced_so_that_each_second_has_its_number() -> None:
    now = [100.0]
    pace = Pace(200.0, lambda: now[0])
    sent = 0
    while now[0] < 110.0:
        now[0] += pace.wait()
        pace.took(pace.portion)
        sent += pace.portion
        now[0] += 0.25  # sending takes time too
    assert 2000 <= sent <= 2200


def test_time_in_which_nothing_was_sent_is_not_made_up_for() -> None:
    now = [0.0]
    pace = Pace(0.5, lambda: now[0])
    pace.took(1)
    assert (pace.portion, pace.wait()) == (1, 2.0)
    now[0] = 60.0
    pace.took(1)
    assert pace.wait() == 2.0


def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None)
    pace.took(5_000)
    assert (pace.portion, pace.wait()) == (LARGEST_PORTION, 0.0)
