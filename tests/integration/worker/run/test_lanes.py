"""What lanes tell of their work while they are at it, and what they leave undone."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from leveret.inbox.batch import LARGEST_BATCH, AnsweredJob, Job
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from leveret.worker.arrive.intake import Intake
from leveret.worker.run.async_executor import AsyncExecutor
from leveret.worker.run.jobs import Jobs
from leveret.worker.run.lanes import Finished, Lanes
from leveret.worker.work import Work
from support.dead_workers import count_deaths
from support.handmade_deliveries import delivery_of
from support.notes import note_api
from support.serving import LIMIT, keyring, until

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class OneLane:
    """A lane, jobs for it that wait for a permit each, and what it reported."""

    def __init__(self, store: Store) -> None:
        self.permits = threading.Semaphore(0)
        self.began: list[str] = []
        self.reports: list[Finished] = []
        self.lanes: Lanes = Lanes([store], self.reports.append)

    def submit(self, name: str, *, journal: bool = False, wanted: Callable[[], bool] = lambda: True) -> None:
        def run(_connection: object) -> bytes:
            self.began.append(name)
            assert self.permits.acquire(timeout=LIMIT)
            return b"{}"

        job = Job(RequestKey("7", name), b"", "v1", "wait", stores=False, run=run, journal=journal, wanted=wanted)
        self.lanes.submit(job, name)

    async def hold(self) -> None:
        """Have the lane busy, so that what is submitted next becomes one batch."""
        self.submit("first")
        await until(lambda: self.began == ["first"], "the first one's beginning")

    def has_reported(self, *names: str) -> Callable[[], bool]:
        return lambda: [waiter for report in self.reports for waiter, _ in report] == list(names)


@pytest.fixture
async def lane(database: str) -> AsyncIterator[OneLane]:
    engine = create_engine(database)
    lane = OneLane(Store(engine))
    yield lane
    lane.permits.release(1000)
    await lane.lanes.close(LIMIT)
    engine.dispose()


async def test_the_progress_of_a_batch_is_seen_before_the_batch_is_at_its_end(lane: OneLane) -> None:
    await lane.hold()
    for name in ("a", "b", "c"):
        lane.submit(name)
    assert lane.lanes.progress == 0
    lane.permits.release(3)
    await until(lambda: lane.began[-1] == "c", "the last one's beginning")
    assert lane.lanes.progress == 3
    await until(lane.has_reported("first"), "the first one's report")
    lane.permits.release()
    await until(lane.has_reported("first", "a", "b", "c"), "the batch's report")
    assert [len(report) for report in lane.reports] == [1, 3]
    assert lane.lanes.progress == 4


async def test_jobs_that_run_one_by_one_are_reported_one_by_one(lane: OneLane) -> None:
    await lane.hold()
    for name in ("a", "b", "c"):
        lane.submit(name, journal=True)
    lane.permits.release(2)
    await until(lane.has_reported("first", "a"), "the report of the first of a batch")
    lane.permits.release(2)
    await until(lane.has_reported("first", "a", "b", "c"), "all reports")
    assert {len(report) for report in lane.reports} == {1}


@pytest.mark.parametrize("journal", [False, True])
async def test_what_nobody_wants_any_more_does_not_begin(lane: OneLane, *, journal: bool) -> None:
    over: list[bool] = []
    await lane.hold()
    for name in ("a", "b", "c"):
        lane.submit(name, journal=journal, wanted=lambda: not over)
    lane.submit("other", journal=journal)
    lane.permits.release()
    await until(lambda: "a" in lane.began, "the beginning of a batch")
    over.append(True)
    lane.permits.release(2)
    await until(lane.has_reported("first", "a", "b", "c", "other"), "all reports")
    assert lane.began == ["first", "a", "other"]
    results = {waiter: result for report in lane.reports for waiter, result in report}
    assert [name for name in results if isinstance(results[name], AnsweredJob)] == ["first", "a", "other"]


async def test_an_errand_that_was_called_off_is_not_run(lane: OneLane) -> None:
    ran: list[str] = []
    await lane.hold()
    called_off = lane.lanes.run(lambda _: ran.append("called off"))
    wanted = lane.lanes.run(lambda _: ran.append("wanted"))
    called_off.cancel()
    lane.permits.release()
    await wanted
    assert ran == ["wanted"]


async def test_an_attempt_that_was_recorded_for_a_lost_session_is_voided(lane: OneLane, database: str) -> None:
    """No worker died on it: what the journal held before is what it holds after."""
    key = RequestKey("", "asked")
    count_deaths(database, key, 1)
    intake: Intake = Intake(note_api(), keyring())
    request = {"id": key.id, "version": "v1", "action": "health_check", "data": {}, "auth": ""}
    work = intake.take(replace(delivery_of(request), redelivered=True))
    assert isinstance(work, Work)
    await lane.hold()
    running = asyncio.create_task(AsyncExecutor(Jobs(None), lane.lanes).run(work))
    await asyncio.sleep(0)  # it has asked for its attempt to be recorded
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    seen: list[int] = []

    async def look() -> None:
        seen.append((await lane.lanes.journal.deaths([key]))[key])

    recorded = asyncio.create_task(look())
    await asyncio.sleep(0)
    lane.permits.release()
    await recorded
    await look()
    assert seen == [2, 1]


async def test_an_errand_is_done_before_the_actions_that_were_ready_with_it(lane: OneLane) -> None:
    await lane.hold()
    lane.submit("second")
    errand = lane.lanes.journal.deaths([])
    lane.permits.release()
    assert await asyncio.wait_for(errand, LIMIT) == {}
    assert "second" not in [waiter for report in lane.reports for waiter, _ in report]
    lane.permits.release()
    await until(lane.has_reported("first", "second"), "both")


@pytest.mark.parametrize("sends", [True, False])
async def test_lanes_that_find_the_backlog_full_again_and_again_run_every_job_once(
    database: str, *, sends: bool
) -> None:
    """What lanes make is confirmed at other moments than theirs, or dropped: they stop and go on at any time."""
    engine, size, names = create_engine(database), 100, [f"r{number}" for number in range(5000)]
    most, stores = 3 * size, [Store(engine) for _ in range(4)]
    finished: list[str] = []
    unsent: list[int] = []
    full: list[bool] = []

    def send(done: Finished) -> None:
        finished.extend(name for name, result in done if isinstance(result, AnsweredJob))
        lanes.backlog.sending += len(done) * size * sends
        unsent.append(lanes.backlog.made + lanes.backlog.sending)
        full.append(lanes.backlog.full)
        asyncio.get_running_loop().call_soon(confirm, len(done) * size * sends)

    def confirm(sent: int) -> None:
        lanes.backlog.sending -= sent
        if sends and lanes.backlog.waited_for:
            lanes.backlog.go_on()

    lanes = Lanes(stores, send, most_unsent=most)
    for name in names:
        lanes.submit(Job(RequestKey("7", name), b"", "v1", "x", stores=False, run=lambda _: b"x" * size), name)
    try:
        async with asyncio.timeout(LIMIT):
            await lanes.idle()
    finally:
        await lanes.close(LIMIT)
        engine.dispose()
    assert sorted(finished) == sorted(names)
    assert any(full)
    assert max(unsent) <= most + 2 * len(stores) * LARGEST_BATCH * size  # what moves is counted twice for a moment


async def test_waits_for_idle_lanes_that_are_given_up_leave_nothing_behind(lane: OneLane) -> None:
    await lane.hold()
    before = _futures()
    for _ in range(100):
        with suppress(TimeoutError):
            async with asyncio.timeout(0):
                await lane.lanes.idle()
    assert _futures() < before + 50
    idle = asyncio.create_task(lane.lanes.idle())
    await asyncio.sleep(0)
    lane.permits.release()
    await asyncio.wait_for(idle, LIMIT)


def _futures() -> int:
    gc.collect()
    return sum(isinstance(each, asyncio.Future) for each in gc.get_objects())
