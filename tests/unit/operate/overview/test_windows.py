"""What processes did within a span of time, from totals that count from their start."""

from __future__ import annotations

from typing import Any

import pytest

from leveret.operate.overview import DepthSample, Durations, Part, Seen, System, WorkerSample, compose
from leveret.operate.overview.windows import WorkDone, add_durations, by_process, growth, percentiles, work_of

NOW = 1_800_000_000.0
BOUNDS = (0.1, 1.0)


def sample(at: float, **facts: Any) -> WorkerSample:
    usual: dict[str, Any] = {"name": "w", "host": "ant", "pid": 7, "version": "1", "framework": "1"}
    return WorkerSample(at=at, **(usual | {"started": NOW - 3600} | facts))


def durations(*counts: int) -> Durations:
    return Durations(BOUNDS, counts)


@pytest.mark.parametrize(
    ("samples", "seconds", "finished"),
    [
        pytest.param([sample(NOW - 61, finished=5), sample(NOW, finished=65)], 61, 60, id="since the one before"),
        pytest.param([sample(NOW - 10, finished=5), sample(NOW, finished=65)], 10, 60, id="since we began to look"),
        pytest.param([sample(NOW, finished=65)], 0, 0, id="one look shows nothing of an old process"),
        pytest.param([sample(NOW, finished=65, started=NOW - 30)], 60, 65, id="a new process had done nothing before"),
        pytest.param([sample(NOW - 90, finished=65)], 60, 0, id="nothing was heard of it within the span"),
        pytest.param(
            [sample(NOW - 61, finished=5), sample(NOW - 30, finished=65, ended=True)], 60, 60, id="it has ended"
        ),
        pytest.param([sample(NOW - 61, finished=9), sample(NOW, finished=5)], 61, 0, id="never less than nothing"),
    ],
)
def test_what_was_finished_is_a_difference_of_totals(
    samples: list[WorkerSample], seconds: float, finished: int
) -> None:
    work = work_of(samples, NOW - 60, NOW)
    assert (work.seconds, work.finished) == (seconds, finished)


def test_durations_are_differences_too() -> None:
    before, after = sample(NOW - 61, total=durations(1, 2, 3)), sample(NOW, total=durations(2, 4, 9))
    assert work_of([before, after], NOW - 60, NOW).total == durations(1, 2, 6)
    unlike = sample(NOW, total=Durations((0.5,), (7, 0)))
    assert work_of([before, unlike], NOW - 60, NOW).total == Durations((0.5,), (7, 0))


def test_no_time_is_no_rate() -> None:
    assert WorkDone().a_second(5) == 0.0


def test_processes_with_one_number_are_told_apart() -> None:
    samples = [sample(NOW), sample(NOW - 1), sample(NOW, host="bee"), sample(NOW, started=NOW)]
    assert [[each.at - NOW for each in process] for process in by_process(samples)] == [[-1, 0], [0], [0]]


@pytest.mark.parametrize(
    ("counts", "p50", "p95", "p99"),
    [
        ((), None, None, None),
        ((0, 0, 0), None, None, None),
        ((100, 0, 0), 0.05, 0.095, 0.099),
        ((50, 50, 0), 0.1, 0.91, 0.982),
        ((0, 0, 10), 1.0, 1.0, 1.0),
    ],
)
def test_percentiles_lie_between_two_bounds(
    counts: tuple[int, ...], p50: float | None, p95: float | None, p99: float | None
) -> None:
    found = percentiles(Durations(BOUNDS if counts else (), counts))
    assert (found.p50, found.p95, found.p99) == pytest.approx((p50, p95, p99))


def test_durations_of_several_are_added_if_their_bounds_are_the_same() -> None:
    assert add_durations([]) == Durations()
    several = [Durations(), durations(1, 0, 0), durations(1, 2, 3), Durations((7.0,), (1, 1))]
    assert add_durations(several) == durations(2, 2, 3)


@pytest.mark.parametrize(
    ("depths", "expected"),
    [
        ([], None),
        ([(0, 5, 5)], None),
        ([(-10, 5, 5), (0, 45, 15)], 5.0),
        ([(-10, 45, 15), (0, 5, 5)], -5.0),
        ([(-10, 5, None), (0, 45, 15)], None),
        ([(-100, 0, 0), (-10, 5, 5), (0, 45, 15)], 5.0),
    ],
)
def test_growth_of_the_queues_is_a_rate(
    depths: list[tuple[float, int | None, int | None]], expected: float | None
) -> None:
    samples = [DepthSample(at=NOW + at, waiting=waiting, retrying=retrying) for at, waiting, retrying in depths]
    assert growth(samples, NOW - 60) == expected


def test_an_overview_adds_up_what_its_workers_do() -> None:
    workers = (
        sample(NOW - 60, finished=0, waiting=durations(0, 0, 0)),
        sample(NOW, finished=120, retries=6, waiting=durations(100, 0, 0), lanes=4, lanes_busy=3),
        sample(NOW - 50, pid=8, finished=10),
        sample(NOW, pid=8, finished=60, letters=5),
    )
    depths = (
        DepthSample(at=NOW - 20, waiting=0, retrying=0, letters=0, consumers=2),
        DepthSample(at=NOW, waiting=20, retrying=20, letters=5, consumers=2),
    )
    overview = compose(Seen(workers=workers, depths=depths), System(application="guestbook", limit=9), NOW)
    flow = overview.flow
    assert (flow.finished, flow.incoming, flow.failing) == pytest.approx((3.0, 5.0, 0.2))
    assert flow.waited.p50 == pytest.approx(0.05)
    assert flow.took.p50 is None
    assert (overview.depths.waiting, overview.depths.letters, overview.depths.limit) == (20, 5, 9)
    first, second = overview.workers
    assert (first.finished, first.failing, first.lanes_busy, first.lanes) == pytest.approx((2.0, 0.1, 3, 4))
    assert (second.pid, second.silent) == (8, False)


def test_an_overview_says_which_part_is_blind() -> None:
    gone = Part(state="away", words="nobody listens")
    ok = Part(state="ok", words="fine")
    system = System(application="guestbook")
    without_broker = compose(Seen(broker=gone, database=ok, reports=gone), system, NOW)
    assert [blind.text for blind in without_broker.blind] == ["queues and workers: the broker does not answer"]
    without_database = compose(Seen(broker=ok, database=gone, reports=gone), system, NOW)
    assert [blind.text for blind in without_database.blind] == [
        "workers, rates and durations: nobody listens",
        "stored requests: the database does not answer",
    ]
    empty = compose(Seen(), system, NOW)
    assert (empty.flow.finished, empty.depths.waiting, empty.workers) == (None, None, ())
