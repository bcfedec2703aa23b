"""How long to wait before sending again to a queue that is full."""

import pytest

from leveret.client.full_queue import LONGEST, SHORTEST, FullQueue


def test_the_pause_is_as_long_as_the_queue_has_been_full_within_limits() -> None:
    queue = FullQueue(chance=lambda: 0.0)
    assert [queue.refused(now) for now in (100.0, 100.4, 103.0, 110.0, 150.0)] == [
        SHORTEST,
        SHORTEST,
        3.0,
        10.0,
        LONGEST,
    ]


def test_what_the_queue_takes_ends_the_time_without_room() -> None:
    queue = FullQueue(chance=lambda: 0.0)
    assert [queue.refused(0.0), queue.refused(20.0)] == [SHORTEST, 20.0]
    queue.accepted()
    assert queue.refused(40.0) == SHORTEST


def test_a_refusal_long_after_the_last_one_says_nothing_of_the_time_between() -> None:
    queue = FullQueue(chance=lambda: 0.0)
    assert [queue.refused(0.0), queue.refused(20.0), queue.refused(3600.0)] == [SHORTEST, 20.0, SHORTEST]


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 20.0), (0.5, 22.5), (1.0, 25.0)])
def test_chance_spreads_callers_over_a_quarter_of_the_pause(chance: float, pause: float) -> None:
    queue = FullQueue(chance=lambda: chance)
    queue.refused(0.0)
    assert queue.refused(20.0) == pause
