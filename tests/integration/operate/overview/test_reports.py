"""What workers publish of themselves arrives in an overview, and disturbs no worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from leveret.api import Api, Context
from leveret.devbroker import DevBroker
from leveret.observe import Settled, Subject
from leveret.observe.counters import Counters
from leveret.observe.reports import WorkerState
from leveret.observe.status import StatusReporter, publishing_status
from leveret.operate.overview.board import Board
from leveret.operate.overview.reports import sample_of, watch_reports
from leveret.operate.overview.samples import WorkerSample
from leveret.outcome import Answer, DeadLetter, PutBack, Retry
from leveret.topology import Topology
from support.handmade_deliveries import delivery_of
from support.serving import LIMIT, Caller, calling, serving, sqlite_url, until


async def sample(board: Board, finished: int) -> WorkerSample:
    """Wait for a report of a worker that has finished that many requests."""
    async with asyncio.timeout(LIMIT):
        while not (found := [each for each in board.seen().workers if each.finished == finished]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # nothing tells when a report was read
    return found[-1]


@pytest.fixture
def topology(prefix: str) -> Topology:
    return Topology(prefix, letters_size=2**26)


@pytest.fixture
async def caller(broker: DevBroker, topology: Topology) -> AsyncIterator[Caller]:
    async with calling(broker.url, topology) as found:
        yield found


@pytest.fixture
def api() -> Api:
    found = Api[None]()

    @found.action("v1", "ping", public=True)
    def ping(context: Context) -> str:
        return "pong"

    return found


def ask(request_id: str) -> dict[str, Any]:
    return {"id": request_id, "version": "v1", "action": "ping", "data": {}, "auth": ""}


async def test_a_report_says_what_a_worker_has_done(
    api: Api, broker: DevBroker, caller: Caller, topology: Topology, tmp_path: Path
) -> None:
    board, counters = Board(), Counters(["v1.ping"])
    async with serving(api, broker.url, topology, sqlite_url(tmp_path), observers=[counters]) as worker:
        reporter = StatusReporter(worker, counters, name="test", version="1.2", leveret="0.1")
        await caller.ask(ask("one"))
        await until(lambda: counters.totals().outcomes("ok") == 1, "a counted request")
        watching = asyncio.create_task(watch_reports(board, broker.url, topology))
        async with publishing_status(reporter) as say_end:
            found = await sample(board, 1)
            await say_end()
            await until(lambda: any(each.ended for each in board.seen().workers), "the report that it stops")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert (found.name, found.version, found.framework, found.lanes) == ("test", "1.2", "0.1", 1)
    assert sum(found.total.counts) == sum(found.waiting.counts) == 1
    assert board.seen().reports.state == "ok"


async def test_a_worker_works_on_where_nothing_takes_its_reports(
    api: Api, broker: DevBroker, caller: Caller, topology: Topology, tmp_path: Path
) -> None:
    counters = Counters(["v1.ping"])
    async with serving(api, broker.url, topology, sqlite_url(tmp_path), observers=[counters]) as worker:
        await caller.channel.delete_queue(topology.status_stream)
        for number in range(3):
            await worker.publish_status(b"{}")
            assert (await caller.ask(ask(f"request {number}")))["status"] == "ok"


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"name": 1}'])
def test_a_report_that_cannot_be_read_is_left_out(body: bytes) -> None:
    assert sample_of(body) is None


async def test_requests_in_hand_and_outcomes_are_in_a_report() -> None:
    counters = Counters(["v1.ping"])
    held, done = (
        Subject(name, "v1.ping", "7", delivery_of({"id": name}, tag), time.monotonic() - 60)
        for tag, name in enumerate(("held", "done"), start=1)
    )
    counters.admit([held])
    for outcome in (Answer(b""), Retry(1, timedelta(seconds=5), "why"), DeadLetter("why"), PutBack("why")):
        counters.settle([Settled(done, outcome=outcome)])
    status = StatusReporter(Idle(), counters, name="test", version="", leveret="").status()
    found = sample_of(msgspec.json.encode(status))
    assert found is not None
    assert (found.finished, found.retries, found.letters) == (2, 1, 1)
    (request,) = found.held
    assert (request.id, request.action) == ("held", "v1.ping")
    assert 59 < time.time() - request.since < 70


class Idle:
    """A worker that does nothing."""

    def state(self) -> WorkerState:
        return WorkerState(lanes=1)

    async def publish_status(self, body: bytes) -> None:
        """Publish nothing."""
