"""Users follow their events while workers are killed, and their own connections are cut."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg

from faults.event_readers import EventReader, readers
from faults.evidence import drained
from faults.scene import Plan, scene
from faults.scenes.recovery import SceneFailed
from faults.system import System

_LIMIT: Final = 60.0
"""Seconds within which everything is worked off, and within which readers then have all events."""


@scene(
    "events-followed",
    title="worker killed with -9 while users follow their events",
    requests=5_000,
    strikes=15,
    short_requests=200,
    short_strikes=2,
    database="postgresql",
)
async def events_followed(system: System, plan: Plan) -> None:
    """Kill a random worker again and again; readers get each event once by its id, and one for each task."""
    burst = plan.requests // (4 if plan.short else 20)
    async with system.workers(2) as workers, readers(system) as following:
        async with system.load(plan.requests, rate=burst, burst=burst, in_flight=burst, until=plan.strikes) as load:
            while await load.reached(load.finished + int(burst * plan.random.uniform(0.1, 0.7))):
                if await workers.kill():
                    system.struck()
                await load.goes_on(0.7)
        if left := await drained(system.broker, system.topology, _LIMIT):
            raise SceneFailed(f"{left} requests were not worked off within {_LIMIT:g} s")
        for user, reader in following.items():
            await _caught_up(system, user, reader)
        system.notes["events"] = sum(each.seen.total() for each in following.values())
        system.notes["connections of readers"] = sum(each.cuts for each in following.values())


async def _caught_up(system: System, user: int, reader: EventReader) -> None:
    """Wait until a reader has all events of a user, and check that it has each once.

    Raises:
        SceneFailed: it has not, or not once; or a task has not one event.
    """
    told, created = await asyncio.to_thread(_stored, system, user)
    if sorted(told.values()) != sorted(created):
        raise SceneFailed(f"user {user} has {len(created)} tasks and {len(told)} events of them")
    try:
        async with asyncio.timeout(_LIMIT):
            while reader.seen.keys() < told.keys():  # noqa: ASYNC110 -- a counter wakes nobody
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise SceneFailed(f"user {user} missed {len(told.keys() - reader.seen.keys())} events") from None
    if reader.seen.keys() != told.keys() or set(reader.seen.values()) != {1}:
        raise SceneFailed(f"user {user} got events of nothing, or several times: {reader.seen.most_common(3)}")


def _stored(system: System, user: int) -> tuple[dict[str, int], list[int]]:
    """Return the tasks that the events of a user name, by the events' ids, and the tasks that the user has."""
    with system.connect_postgres() as connection:
        events = connection.execute("SELECT id, subject FROM leveret_events WHERE principal = %s", [str(user)])
        told = {str(number): int(subject) for number, subject in events}
        return told, _tasks(connection, user)


def _tasks(connection: psycopg.Connection, user: int) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM tasks WHERE owner_id = %s", [user])]
