from itertools import islice

import pytest

from leveret.process.backoff import Backoff


def pauses(backoff: Backoff, count: int = 6) -> list[float]:
    return [round(pause, 6) for pause in islice(backoff, count)]


def test_pauses_grow_up_to_the_longest() -> None:
    assert pauses(Backoff(first=0.1, factor=2, most=1, jitter=0)) == [0.1, 0.2, 0.4, 0.8, 1, 1]


def test_chance_shortens_a_pause_by_at_most_the_jitter() -> None:
    assert pauses(Backoff(first=1, factor=2, most=4, jitter=0.5, chance=lambda: 1.0), 3) == [0.5, 1, 2]
    assert pauses(Backoff(first=1, factor=2, most=4, jitter=0.5, chance=lambda: 0.0), 3) == [1, 2, 4]


def test_every_walk_through_the_pauses_begins_at_the_first() -> None:
    backoff = Backoff(jitter=0)
    assert pauses(backoff, 2) == pauses(backoff, 2) == [0.1, 0.2]


def test_pauses_do_not_overflow_however_long_the_outage() -> None:
    assert list(islice(Backoff(factor=10, jitter=0), 2000))[-1] == 10


@pytest.mark.parametrize("wrong", [{"first": 0}, {"first": 20}, {"factor": 0.5}, {"jitter": 1.5}, {"jitter": -0.1}])
def test_pauses_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="pauses"):
        Backoff(**wrong)  # type: ignore[arg-type]  # a table of wrong numbers
