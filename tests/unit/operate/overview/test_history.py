"""Rates and durations of the last minutes, as rows of moments."""

from __future__ import annotations

from leveret.operate.overview.history import STEP, flow_history
from leveret.operate.overview.samples import DepthSample, Seen
from leveret.operate.overview.system import WHILE
from support.overviews import NOW, worker

MANY = int(WHILE / STEP)


def test_each_moment_has_what_was_done_since_the_one_before() -> None:
    workers = [worker(1, ago, int(WHILE - ago) * 10) for ago in range(0, int(WHILE) + 1, 5)]
    depths = [DepthSample(at=NOW - ago, waiting=100 - ago, retrying=0, letters=7) for ago in range(40, -1, -5)]
    found = flow_history(Seen(workers=tuple(workers), depths=tuple(depths)), NOW)
    assert [moment.at for moment in found] == [NOW - STEP * number for number in reversed(range(MANY))]
    assert {moment.finished for moment in found} == {10.0}
    assert {moment.failing for moment in found} == {0.0}
    assert all(0.001 < (moment.took or 0) <= 0.005 for moment in found)
    assert found[-1].incoming == 11.0, "the queue grew by one a second"
    assert (found[-1].waiting, found[-1].letters) == (100, 7)
    assert (found[0].incoming, found[0].waiting) == (None, None), "nobody looked at the queues then"


def test_a_time_in_which_no_worker_reported_is_a_gap_and_not_zero() -> None:
    found = flow_history(Seen(workers=(worker(1, 200, 10), worker(1, 190, 20))), NOW)
    seen = [moment for moment in found if moment.finished is not None]
    assert 1 <= len(seen) <= 2
    assert all(moment.took is None for moment in found if moment.finished is None)
    assert flow_history(Seen(), NOW)[-1].finished is None


def test_moments_stay_where_they_are_as_time_goes_on() -> None:
    workers = tuple(worker(1, ago, int(WHILE - ago)) for ago in range(0, 60, 2))
    before, after = (flow_history(Seen(workers=workers), NOW + later) for later in (1.0, STEP - 1))
    assert before == after
