"""The same id comes to several workers at once: with the same content, with another, and from another user."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random
from typing import Final

from faults.evidence import drained
from faults.ledger import REUSED, Entry, Key, Kind, Request
from faults.scene import Plan, scene
from faults.scenes.recovery import LIMIT, SceneFailed
from faults.system import System
from faults.workers import WorkerGroup, WorkerProcess

GROUP: Final = ("ask", "other", "ask", "foreign", "other", "send", "ask", "other")
"""Requests that are sent at once for each id, each over another connection: one content three times, another content
three times, the first content from another user, and the first content without waiting for an answer."""

FIRST, OTHER = "first", "other"
"""The two contents."""

HANDLED: Final = re.compile(rb"(?:ok|idem-replay|refused): (same-id-\d+) ")
"""Pattern of the line that a worker logs for each request."""

RACE: Final = b"duplicate key value violates unique constraint"
"""Text that PostgreSQL logs when two transactions store a response to the same request."""

REAL_RACES: Final = 20
"""Number of ids among which there has to be at least one race in the database."""


@scene(
    "same-id",
    title="the same id to several workers at once, with another content, from two users",
    requests=6_000,
    strikes=4_000,
    short_requests=300,
    short_strikes=150,
    database="postgresql",
)
async def same_id(system: System, plan: Plan) -> None:
    """Send a group of requests for each id; a strike is an id that two workers had at the same time."""
    ids, size = plan.requests, len(GROUP)

    def make(number: int, _random: Random) -> Request:
        return _request(number // size + 1, GROUP[number % size])

    async with (
        system.workers(2) as workers,
        system.load(
            ids * size, make=make, rate=2_000, burst=size, in_flight=40 * size, connections=size, timeout=30.0
        ) as load,
    ):
        handled = Handled(workers)
        while await load.goes_on(0.1):
            system.struck(handled.shared() - system.strikes)
    await drained(system.broker, system.topology, LIMIT)
    system.notes["told id_reused"] = _judge(system.entries, await asyncio.to_thread(_contents, system))
    system.notes["races in the database"] = races = _races(system)
    if races * REAL_RACES < ids:
        raise SceneFailed(f"{races} races for {ids} ids: requests of one id did not run at the same time")


class Handled:
    """Counts, from the workers' logs, how often each worker has handled each id."""

    def __init__(self, workers: WorkerGroup) -> None:
        self._workers = workers.current
        self._read: Counter[int] = Counter()
        self._counts: dict[bytes, Counter[int]] = defaultdict(Counter)

    def shared(self) -> int:
        """Return how many ids two workers have handled twice each; at most one of the four was the other user's."""
        for worker in self._workers:
            self._follow(worker)
        return sum(sum(count > 1 for count in counts.values()) > 1 for counts in self._counts.values())

    def _follow(self, worker: WorkerProcess) -> None:
        with worker.log.open("rb") as log:
            log.seek(self._read[worker.process.pid])
            news = log.read()
        whole = news[: news.rfind(b"\n") + 1]
        self._read[worker.process.pid] += len(whole)
        for request_id in HANDLED.findall(whole):
            self._counts[request_id][worker.process.pid] += 1


def _request(number: int, role: str) -> Request:
    request_id, content = f"same-id-{number:06d}", OTHER if role == "other" else FIRST
    kind: Kind = "send" if role == "send" else "ask"
    data = {"title": request_id, "description": content}
    return Request(id=request_id, user=2 if role == "foreign" else 1, kind=kind, data=data, payload=content)


def _contents(system: System) -> dict[Key, str]:
    with system.connect_postgres() as server:
        rows = server.execute("SELECT owner_id, title, description FROM tasks").fetchall()
    return {(owner, title): description for owner, title, description in rows}


def _judge(entries: Sequence[Entry], contents: dict[Key, str]) -> int:
    """Check that the content in the database was answered with ok, and the other one refused; return the refusals.

    Raises:
        SceneFailed: a request got another answer.
    """
    refused = 0
    for entry in entries:
        won = contents.get(entry.key) == entry.request.payload
        codes = {answer.code for answer in entry.finals}
        if codes and codes != {None if won else REUSED}:
            raise SceneFailed(f"{entry.key} with {entry.request.payload!r} was answered with {codes}, won: {won}")
        refused += REUSED in codes
    return refused


def _races(system: System) -> int:
    return system.postgres.log_path.read_bytes().count(RACE) if system.postgres else 0
