"""The same id to several workers at once: with the same content, with another, and from another user."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random
from typing import Final

import psycopg

from faults.crew import Crew, Member
from faults.evidence import drained
from faults.ledger import REUSED, Entry, Key, Kind, Request
from faults.scene import Plan, scene
from faults.scenes.recovery import LIMIT, SceneFailed
from faults.stage import Stage

GROUP: Final = ("ask", "other", "ask", "foreign", "other", "send", "ask", "other")
"""What is sent of each id at once, each over a connection of its own: one content three times, another content three
times, the first one from another user, and the first one without waiting for an answer."""

FIRST, OTHER = "first", "other"
"""The two contents."""

HANDLED: Final = re.compile(rb"(?:ok|idem-replay|refused): (same-id-\d+) ")
"""What a worker logs of each request."""

RACE: Final = b"duplicate key value violates unique constraint"
"""What PostgreSQL logs when two transactions answer one request at the same time."""

REAL_RACES: Final = 20
"""Each so many ids one race at least has to come about in the database itself."""


@scene(
    "same-id",
    title="the same id to several workers at once, with another content, from two users",
    requests=6_000,
    strikes=4_000,
    short_requests=300,
    short_strikes=150,
    database="postgresql",
)
async def same_id(stage: Stage, plan: Plan) -> None:
    """Send each id in a group; a strike is an id that two workers had in their hands."""
    ids, size = plan.requests, len(GROUP)

    def make(number: int, _random: Random) -> Request:
        return _request(number // size + 1, GROUP[number % size])

    async with (
        stage.crew(2) as crew,
        stage.load(
            ids * size, make=make, rate=2_000, burst=size, in_flight=40 * size, connections=size, timeout=30.0
        ) as load,
    ):
        handled = Handled(crew)
        while await load.goes_on(0.1):
            stage.struck(handled.shared() - stage.strikes)
    await drained(stage.broker, stage.topology, LIMIT)
    stage.notes["told id_reused"] = _judge(stage.entries, await asyncio.to_thread(_contents, stage))
    stage.notes["races in the database"] = races = _races(stage)
    if races * REAL_RACES < ids:
        raise SceneFailed(f"{races} races for {ids} ids: requests of one id did not run at the same time")


class Handled:
    """Which worker has handled which id how often, as their logs say."""

    def __init__(self, crew: Crew) -> None:
        self._members = crew.members
        self._read: Counter[int] = Counter()
        self._counts: dict[bytes, Counter[int]] = defaultdict(Counter)

    def shared(self) -> int:
        """How many ids two workers have handled twice each, so that at most one of these was the other user's."""
        for member in self._members:
            self._follow(member)
        return sum(sum(count > 1 for count in counts.values()) > 1 for counts in self._counts.values())

    def _follow(self, member: Member) -> None:
        with member.log.open("rb") as log:
            log.seek(self._read[member.process.pid])
            news = log.read()
        whole = news[: news.rfind(b"\n") + 1]
        self._read[member.process.pid] += len(whole)
        for request_id in HANDLED.findall(whole):
            self._counts[request_id][member.process.pid] += 1


def _request(number: int, role: str) -> Request:
    request_id, content = f"same-id-{number:06d}", OTHER if role == "other" else FIRST
    kind: Kind = "send" if role == "send" else "ask"
    data = {"title": request_id, "description": content}
    return Request(id=request_id, user=2 if role == "foreign" else 1, kind=kind, data=data, payload=content)


def _contents(stage: Stage) -> dict[Key, str]:
    with psycopg.connect(stage.database_url.replace("+psycopg", "")) as server:
        rows = server.execute("SELECT owner_id, title, description FROM tasks").fetchall()
    return {(owner, title): description for owner, title, description in rows}


def _judge(entries: Sequence[Entry], contents: dict[Key, str]) -> int:
    """See that the content in the database was answered with ok and the other one refused; returns how many were.

    Raises:
        SceneFailed: somebody was told something else.
    """
    refused = 0
    for entry in entries:
        won = contents.get(entry.key) == entry.request.payload
        codes = {answer.code for answer in entry.finals}
        if codes and codes != {None if won else REUSED}:
            raise SceneFailed(f"{entry.key} with {entry.request.payload!r} was told {codes}, won: {won}")
        refused += REUSED in codes
    return refused


def _races(stage: Stage) -> int:
    return stage.postgres.log_path.read_bytes().count(RACE) if stage.postgres else 0
