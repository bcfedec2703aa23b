"""Is the database as the replies say? One task and one stored response for each write, none twice, none besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa

from bench.case import RunFailed
from bench.databases import Database
from leveret.sql.tables import processed_requests

_LAST_TASK: Final = sa.text("SELECT coalesce(max(id), 0) FROM tasks")
# By an index, for there may be very many of them.
_NEW_RESPONSES: Final = (
    sa.select(sa.func.count())
    .select_from(processed_requests)
    .where(processed_requests.c.created_at >= sa.bindparam("since", type_=processed_requests.c.created_at.type))
)
_NEW_TASKS: Final = sa.text("SELECT count(*), count(DISTINCT title) FROM tasks WHERE id > :last")
_TASKS_OF: Final = sa.text("SELECT count(*) FROM tasks WHERE id > :last AND title >= :first AND title < :end")
_RESPONSES_OF: Final = sa.text(
    "SELECT count(*) FROM processed_requests WHERE principal = '1' AND id >= :first AND id < :end"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A moment, and the largest id that a task had then."""

    last_task: int
    moment: datetime


def look(database: Database) -> Found:
    """See what is there."""
    engine = database.connect()
    try:
        with engine.connect() as connection:
            return Found(connection.scalar(_LAST_TASK) or 0, datetime.now(UTC))
    finally:
        engine.dispose()


def expect(database: Database, before: Found, writes: Mapping[str, int]) -> None:
    """Check that the writes since a look, by the prefix of their ids, are all there and nothing else is.

    Of those under the prefix "" it is known only how many there are.

    A task's title is the id of the request that it was made for, so an effect that happened twice shows.

    Raises:
        RunFailed: something is missing, there twice, or there for no reason; the text says what.
    """
    wanted = sum(writes.values())
    engine = database.connect()
    try:
        with engine.connect() as connection:
            tasks, titles = connection.execute(_NEW_TASKS, {"last": before.last_task}).one()
            stored = connection.scalar(_NEW_RESPONSES, {"since": before.moment}) or 0
            problems = compare(wanted, tasks=tasks, titles=titles, stored=stored)
            for prefix, count in writes.items():
                if not prefix:
                    continue
                # Ids are PREFIX-NUMBER, and the sign after a hyphen is a dot.
                bounds = {"last": before.last_task, "first": f"{prefix}-", "end": f"{prefix}."}
                found = connection.scalar(_TASKS_OF, bounds), connection.scalar(_RESPONSES_OF, bounds)
                if found != (count, count):
                    problems.append(f"{count} writes of {prefix} made {found[0]} tasks and {found[1]} responses")
    finally:
        engine.dispose()
    if problems:
        raise RunFailed("the database disagrees: " + "; ".join(problems))


def compare(wanted: int, *, tasks: int, titles: int, stored: int) -> list[str]:
    """Say what is not as so many writes make it."""
    problems = []
    if tasks != wanted:
        problems.append(f"{wanted} writes made {tasks} tasks")
    if titles != tasks:
        problems.append(f"{tasks - titles} tasks are there twice")
    if stored != wanted:
        problems.append(f"{wanted} writes stored {stored} responses")
    return problems
