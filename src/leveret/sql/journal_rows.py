"""The rows of the crash journal: statements, each within a transaction of the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from leveret.sql.records import RequestKey
from leveret.sql.statements import NOW
from leveret.sql.tables import crash_journal, is_of
from leveret.sql.upserts import insert_into

_C = crash_journal.c


def read(connection: sa.Connection, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
    """Read how many attempts there are of each key; a key without a row is left out."""
    wanted = sa.select(_C.principal, _C.id, _C.attempts).where(_are(keys))
    return {RequestKey(row[0], row[1]): row[2] for row in connection.execute(wanted)}


def add_attempts(connection: sa.Connection, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
    """Add one attempt to each of several keys, each of them once; returns how many there are now."""
    dialect = connection.dialect.name
    now: sa.ColumnElement[object] = sa.literal_column(NOW[dialect])
    rows = [{"principal": key.principal, "id": key.id, "attempts": 1, "last_at": now} for key in sorted(keys)]
    statement = insert_into(crash_journal, dialect).values(rows)
    counted = statement.on_conflict_do_update(
        index_elements=[_C.principal, _C.id],
        set_={"attempts": _C.attempts + 1, "last_at": statement.excluded.last_at},
    ).returning(_C.principal, _C.id, _C.attempts)
    return {RequestKey(row[0], row[1]): row[2] for row in connection.execute(counted)}


def take_attempts(connection: sa.Connection, keys: Sequence[RequestKey]) -> None:
    """Take one attempt from each of several keys, as often as it is named; none from a key that has none."""
    for key in sorted(keys):
        less = crash_journal.update().where(is_of(crash_journal, key), _C.attempts > 0)
        connection.execute(less.values(attempts=_C.attempts - 1))


def remove(connection: sa.Connection, keys: Sequence[RequestKey]) -> None:
    """Remove the rows of several keys."""
    connection.execute(crash_journal.delete().where(_are(sorted(keys))))


def _are(keys: Sequence[RequestKey]) -> sa.ColumnElement[bool]:
    return sa.tuple_(_C.principal, _C.id).in_([tuple(key) for key in keys])
