"""Queries about tasks; all but the administrator's statistics read one owner's tasks only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, Final

import sqlalchemy as sa

from leveret.sql.gathering import GatheredInsert
from leveret.sql.prepared import Prepared
from taskmanager.domain import NewTask, Priority, Status, Task, TaskChanges, TaskFigures, TaskPage
from taskmanager.storage.tables import Id, tasks

_COLUMNS: Final = (
    tasks.c.id,
    tasks.c.owner_id,
    tasks.c.title,
    tasks.c.description,
    tasks.c.status,
    tasks.c.priority,
    tasks.c.due_date,
    tasks.c.created_at,
    tasks.c.updated_at,
    tasks.c.version,
)
OWNER_KEY: Final = "fk_tasks_owner_id"
"""Name of the foreign key that a task without an owner breaks."""

_LARGEST_ID: Final = 2**63 - 1
_MINE: Final = sa.and_(tasks.c.id == sa.bindparam("task_id"), tasks.c.owner_id == sa.bindparam("owner"))
_ADD: Final = GatheredInsert(
    tasks,
    *("owner_id", "title", "description", "status", "priority", "due_date", "created_at", "updated_at"),
)
_FIND: Final = Prepared(sa.select(*_COLUMNS).where(_MINE))
_EXPECTED: Final = tasks.c.version == sa.bindparam("expected")
_UPDATE: Final = tasks.update().where(_MINE).values(version=tasks.c.version + 1).returning(*_COLUMNS)
_UPDATE_EXPECTED: Final = _UPDATE.where(_EXPECTED)
_DELETE: Final = Prepared(tasks.delete().where(_MINE))
_DELETE_EXPECTED: Final = Prepared(tasks.delete().where(_MINE, _EXPECTED))
_FIGURES: Final = sa.select(tasks.c.status, tasks.c.priority, sa.func.count()).group_by(
    tasks.c.status, tasks.c.priority
)
FIGURES_OF_ONE: Final = _FIGURES.where(tasks.c.owner_id == sa.bindparam("owner"))
"""The query of ``figures`` for one owner; parameter ``owner``."""


def _newest(prefix: Mapping[sa.Column[Any], str], reach: str) -> sa.Select[Any]:
    """Select ids from the end of one part of an index, newest first.

    If the query compared the columns for equality and ordered by id alone, PostgreSQL could decide to read the primary
    key backwards, past all newer tasks of other owners. Bounds and order over all columns of the index prevent that.
    """
    columns = [*prefix, tasks.c.id]
    least = [sa.bindparam(name, type_=column.type) for column, name in prefix.items()]
    return (
        sa.select(tasks.c.id)
        .where(sa.tuple_(*columns) >= sa.tuple_(*least, sa.literal(0, Id)))
        .where(sa.tuple_(*columns) < sa.tuple_(*least, sa.bindparam("before", type_=Id)))
        .order_by(*(column.desc() for column in columns))
        .limit(sa.bindparam(reach, type_=Id))
    )


def _page(ids: sa.Select[Any]) -> sa.Select[Any]:
    """Select the tasks of the ids; those that the offset leaves out are read from the index only."""
    offset = sa.bindparam("offset", type_=Id)
    return sa.select(*_COLUMNS).where(tasks.c.id.in_(ids.offset(offset))).order_by(tasks.c.id.desc())


def _newest_of_kinds(count: int) -> sa.Select[Any]:
    """Select the newest ids among a number of combinations of status and priority."""
    kinds = [
        _newest(
            {tasks.c.owner_id: "owner", tasks.c.status: f"status_{kind}", tasks.c.priority: f"priority_{kind}"}, "reach"
        ).subquery()
        for kind in range(count)
    ]
    merged = sa.union_all(*(sa.select(kind.c.id) for kind in kinds)).subquery()
    return sa.select(merged.c.id).order_by(merged.c.id.desc()).limit(sa.bindparam("limit", type_=Id))


_PAGE: Final = Prepared(_page(_newest({tasks.c.owner_id: "owner"}, "limit")))
_PAGE_OF_KINDS: Final = {count: Prepared(_page(_newest_of_kinds(count))) for count in (1, 3)}
"""Queries by the number of combinations that a filter matches: one if it names both, three if it names one."""


def add_task(connection: sa.Connection, owner_id: int, new: NewTask, now: datetime) -> Task:
    """Store a new task, in one statement with those of other requests of the batch.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such owner (the row breaks ``OWNER_KEY``), or the database refuses
            the row for another reason.
    """
    values = {
        "owner_id": owner_id,
        "title": new.title,
        "description": new.description,
        "status": new.status.value,
        "priority": new.priority.value,
        "due_date": new.due_date,
        "created_at": now,
        "updated_at": now,
    }
    task_id = _ADD.add(connection, values)
    return Task(task_id, owner_id, new.title, new.description, new.status, new.priority, new.due_date, now, now, 1)


def find_task(connection: sa.Connection, owner_id: int, task_id: int) -> Task | None:
    """Look up a task of this owner."""
    row = _FIND.one_or_none(connection, {"task_id": task_id, "owner": owner_id})
    return _task(row) if row else None


def change_task(
    connection: sa.Connection,
    owner_id: int,
    task_id: int,
    changes: TaskChanges,
    now: datetime,
    *,
    expected: int | None = None,
) -> Task | None:
    """Change fields of a task of this owner, and return the task; None if there is none, or not of that version."""
    values: Mapping[str, Any] = {**changes, "updated_at": now}
    plain = {name: value.value if isinstance(value, Status | Priority) else value for name, value in values.items()}
    statement = _UPDATE if expected is None else _UPDATE_EXPECTED
    row = connection.execute(statement, plain | _which(owner_id, task_id, expected)).one_or_none()
    return _task(row) if row else None


def remove_task(connection: sa.Connection, owner_id: int, task_id: int, *, expected: int | None = None) -> bool:
    """Remove a task of this owner; return whether there was one, and of that version."""
    statement = _DELETE if expected is None else _DELETE_EXPECTED
    return statement.run(connection, _which(owner_id, task_id, expected)) > 0


def _which(owner_id: int, task_id: int, expected: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {"task_id": task_id, "owner": owner_id}
    return found if expected is None else found | {"expected": expected}


def list_tasks(connection: sa.Connection, owner_id: int, page: TaskPage) -> list[Task]:
    """Return a page of this owner's tasks, newest first.

    For each combination of status and priority that the filter matches, the database reads at most ``offset + limit``
    entries of an index, however many tasks there are.
    """
    query, given = page_query(owner_id, page)
    return [_task(row) for row in query.rows(connection, given)]


def page_query(owner_id: int, page: TaskPage) -> tuple[Prepared, dict[str, Any]]:
    """Return the query of ``list_tasks`` and its parameters.

    One index holds the tasks of each combination of status and priority in order of age. The newest tasks of each
    combination are read and merged, so that a filter neither reads past tasks that do not match nor needs another
    index.
    """
    given: dict[str, Any] = {
        "owner": owner_id,
        "before": _LARGEST_ID if page.before_id is None else page.before_id,
        "limit": page.limit,
        "offset": page.offset,
        "reach": page.offset + page.limit,
    }
    if page.status is None and page.priority is None:
        return _PAGE, given
    kinds = list(product([page.status] if page.status else Status, [page.priority] if page.priority else Priority))
    for number, (status, priority) in enumerate(kinds):
        given |= {f"status_{number}": status.value, f"priority_{number}": priority.value}
    return _PAGE_OF_KINDS[len(kinds)], given


def figures(connection: sa.Connection, owner_id: int | None) -> TaskFigures:
    """Count the tasks of one owner; all tasks if the owner is None."""
    query, given = (_FIGURES, {}) if owner_id is None else (FIGURES_OF_ONE, {"owner": owner_id})
    by_status = dict.fromkeys(Status, 0)
    by_priority = dict.fromkeys(Priority, 0)
    for status, priority, count in connection.execute(query, given):
        by_status[Status(status)] += count
        by_priority[Priority(priority)] += count
    return TaskFigures(by_status, by_priority)


def _task(row: Sequence[Any]) -> Task:
    task_id, owner_id, title, description, status, priority, due_date, created_at, updated_at, version = row
    return Task(
        task_id,
        owner_id,
        title,
        description,
        Status(status),
        Priority(priority),
        due_date,
        created_at,
        updated_at,
        version,
    )
