"""The clean-up of old responses while requests come in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from support.notes import metadata as notes_metadata
from support.notes import note_api
from support.serving import Broker, Caller, serving, sqlite_url, until
from warren.serving import WorkerOptions
from warren.sql import crash_journal, create_engine, metadata, processed_requests
from warren.topology import Topology

STEP, OLD = 5, 3000
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


def write(request_id: str, auth: str) -> dict[str, object]:
    return {"id": request_id, "version": "v1", "action": "write", "data": {"text": "x"}, "auth": auth}


def ids(url: str, table: sa.Table) -> set[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = set(connection.execute(sa.select(table.c.id)).scalars())
    engine.dispose()
    return found


async def old_ones(url: str) -> int:
    return sum(found.startswith("old-") for found in await asyncio.to_thread(ids, url, processed_requests))


async def test_requests_are_answered_between_its_steps_and_what_is_younger_stays(
    broker: Broker, topology: Topology, filled: str, caller: Caller, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warren.serving.cleaning.STEP", STEP)  # so that it takes longer than a request
    often = WorkerOptions(name="test", retention=RETENTION, cleaning=timedelta(milliseconds=50))
    left = [OLD]
    async with serving(note_api(), broker.url, topology, filled, options=often):
        while left[-1]:
            assert (await caller.ask(write(f"a{len(left)}", token)))["status"] == "ok"
            left.append(await old_ones(filled))
        await until(lambda: len(ids(filled, crash_journal)) == 1, "the end of the old deaths")
    assert ids(filled, processed_requests) == {"young"} | {f"a{number}" for number in range(1, len(left))}
    assert any(0 < count < OLD for count in left), "a request was answered in the middle of a clean-up"
