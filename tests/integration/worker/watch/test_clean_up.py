"""The clean-up of old responses while requests come in."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.sql import Store, create_engine, metadata
from leveret.sql.tables import crash_journal, processed_requests
from leveret.topology import Topology
from leveret.worker import WorkerOptions
from leveret.worker.run.lanes import Lanes
from leveret.worker.watch.clean_up import CleanUp
from support.notes import NoteContext, note_api
from support.notes import metadata as notes_metadata
from support.serving import LIMIT, Broker, Caller, serving, sqlite_url, until

STEP, OLD = 5, 50
HELD_STEP = 2
"""In the middle of a clean-up, which takes ten steps and one that finds nothing."""
RETENTION = timedelta(days=7)


@pytest.fixture(params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    """A database with many old responses, one young one, and a journal of deaths, old and young."""
    url = sqlite_url(tmp_path) if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    engine = create_engine(url)
    metadata.create_all(engine)
    notes_metadata.create_all(engine)
    now = datetime.now(UTC)
    old, young = now - RETENTION - timedelta(hours=1), now - RETENTION + timedelta(hours=1)
    with engine.begin() as connection:
        connection.execute(
            processed_requests.insert(), [row(f"old-{n}", old) for n in range(OLD)] + [row("young", young)]
        )
        deaths = [{"principal": "7", "id": f"d-{moment}", "attempts": 1, "last_at": moment} for moment in (old, young)]
        connection.execute(crash_journal.insert(), deaths)
    engine.dispose()
    return url


def row(request_id: str, moment: datetime) -> dict[str, Any]:
    same = {"principal": "7", "fingerprint": b"f" * 16, "version": "v1", "action": "write", "response_json": "{}"}
    return {**same, "id": request_id, "created_at": moment}


def ids(url: str, table: sa.Table) -> set[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = set(connection.execute(sa.select(table.c.id)).scalars())
    engine.dispose()
    return found


class Held:
    """Holds the second step of a clean-up until a request is in the lane, and counts the steps.

    Before the worker consumes there is nothing to clean up: it could not begin to while its lane is held.

    Attributes:
        steps: how many steps have begun.
        consuming: set when the worker consumes.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = 0
        self.consuming, self._submitted = threading.Event(), threading.Event()
        forget, submit = Store.forget_answers, Lanes.submit_all

        def held_forget(store: Store, age: timedelta, most: int) -> int:
            if not self.consuming.is_set():
                return 0
            self.steps += 1
            assert self.steps != HELD_STEP or self._submitted.wait(LIMIT)
            return forget(store, age, most)

        def told_submit(lanes: Lanes, jobs: Any) -> None:
            submit(lanes, jobs)
            self._submitted.set()

        monkeypatch.setattr(Store, "forget_answers", held_forget)
        monkeypatch.setattr(Lanes, "submit_all", told_submit)


async def test_requests_are_answered_between_its_steps_and_what_is_younger_stays(
    broker: Broker, topology: Topology, filled: str, caller: Caller, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leveret.worker.watch.clean_up.STEP", STEP)
    held, api = Held(monkeypatch), note_api()
    ran_after: list[int] = []

    @api.action("v1", "steps", writes=True)
    def steps(context: NoteContext) -> int:
        ran_after.append(held.steps)
        return held.steps

    often = WorkerOptions(name="test", retention=RETENTION, cleaning=timedelta(milliseconds=50))
    async with serving(api, broker.url, topology, filled, options=often):
        held.consuming.set()
        await until(lambda: held.steps == HELD_STEP, "a step in the middle of a clean-up")
        asked = {"id": "a", "version": "v1", "action": "steps", "data": {}, "auth": token}
        assert (await caller.ask(asked))["status"] == "ok"
        await until(lambda: held.steps > OLD // STEP, "the last step")
        await until(lambda: ids(filled, processed_requests) == {"young", "a"}, "the end of the old responses")
        await until(lambda: len(ids(filled, crash_journal)) == 1, "the end of the old deaths")
    # A lane runs what else is ready before a request, so the next step may come before it, and no other.
    assert ran_after in ([HELD_STEP], [HELD_STEP + 1])


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        (8 * 86400, "this worker's clock is 691200 s ahead of the database's: set both by NTP"),
        (-86400, "this worker's clock is 86400 s behind the database's: set both by NTP"),
        (90, "this worker's clock is 90 s ahead of the database's: set both by NTP"),
        (-30, None),
        (0, None),
    ],
)
async def test_a_worker_whose_clock_is_wrong_removes_what_is_old_by_the_databases_clock_and_says_so(
    filled: str, caplog: pytest.LogCaptureFixture, ahead: int, told: str | None
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    engine = create_engine(filled)
    moments: list[datetime] = []

    def forget(_connection: sa.Connection, now: datetime, _most: int) -> int:
        moments.append(now)
        return 0

    lanes: Lanes = Lanes([Store(engine)], lambda _: None)
    clean_up = CleanUp(RETENTION, timedelta(hours=1), [forget], clock=lambda: time.time() + ahead)
    await clean_up.compare_clocks(lanes)
    await clean_up.run(lanes)
    await lanes.close(LIMIT)
    engine.dispose()
    assert ids(filled, processed_requests) == {"young"}
    assert abs(datetime.now(UTC) - moments[0]) < timedelta(hours=1)
    assert [text.split(" s ")[1] for text in caplog.messages] == ([] if told is None else [told.split(" s ")[1]])


async def test_a_worker_compares_the_clocks_when_it_starts(
    broker: Broker, topology: Topology, filled: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Store, "clock", lambda _: datetime.now(UTC) - timedelta(hours=2))
    async with serving(note_api(), broker.url, topology, filled):
        await until(lambda: "ahead of the database's" in caplog.text, "a line about the clocks")
