"""Verifies that the database agrees with the replies: one task and one stored response for each write, and no more."""

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
# This uses an index, because there may be very many of them.
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
class DatabaseState:
    """A time, and the largest id of a task at that time."""

    last_task: int
    moment: datetime


def look(database: Database) -> DatabaseState:
    """Return the present state of the database."""
    engine = database.connect()
    try:
        with engine.connect() as connection:
            return DatabaseState(connection.scalar(_LAST_TASK) or 0, datetime.now(UTC))
    finally:
        engine.dispose()


def expect(database: Database, before: DatabaseState, writes: Mapping[str, int]) -> None:
    """Check that the database holds the effects of all writes since an earlier state, and nothing else.

    The writes are counted by the prefix of their ids; of those under the prefix "" only the number is known. The title
    of a task is the id of its request, so that an effect that happened twice is found.

    Raises:
        RunFailed: an effect is missing, exists twice, or has no request; the text says which.
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
                # Ids are PREFIX-NUMBER, and the character after a hyphen is a dot.
                bounds = {"last": before.last_task, "first": f"{prefix}-", "end": f"{prefix}."}
                found = connection.scalar(_TASKS_OF, bounds), connection.scalar(_RESPONSES_OF, bounds)
                if found != (count, count):
                    problems.append(f"{count} writes of {prefix} made {found[0]} tasks and {found[1]} responses")
    finally:
        engine.dispose()
    if problems:
        raise RunFailed("the database disagrees: " + "; ".join(problems))


def compare(wanted: int, *, tasks: int, titles: int, stored: int) -> list[str]:
    """Return the differences between the counts and a number of writes, as texts."""
    problems = []
    if tasks != wanted:
        problems.append(f"{wanted} writes made {tasks} tasks")
    if titles != tasks:
        problems.append(f"{tasks - titles} tasks exist twice")
    if stored != wanted:
        problems.append(f"{wanted} writes stored {stored} responses")
    return problems
