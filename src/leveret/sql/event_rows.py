"""Rows of events: a transaction keeps them back until right before its commit, and adds them with one statement.

Nothing in the transaction reads them, so that other statements need not wait for them. They are added last because
their ids then follow the order in which transactions that wait for each other's rows change these rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

import sqlalchemy as sa
from msgspec.structs import asdict

from leveret.api import KeptEvent
from leveret.sql.bulk import BulkInsert
from leveret.sql.prepared import Values
from leveret.sql.statements import NOW
from leveret.sql.tables import leveret_events

KEEPER: Final = "leveret keeps events"
"""Key in ``Connection.info`` for an ``EventKeeper``."""

_ADD: Final = BulkInsert(
    leveret_events,
    *("principal", "type", "subject", "data_json", "request"),
    made={
        "at": NOW,
        "transaction_id": {"sqlite": "0", "postgresql": "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"},
    },
)


class EventKeeper(Protocol):
    """Keeps the events of the transactions of one connection."""

    def keep_event(self, event: KeptEvent) -> None:
        """Keep an event of the present transaction until its end."""
        ...


class EventRows:
    """The events that one transaction adds at its end.

    Args:
        connection: in the transaction.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._rows: list[Values] = []

    def keep(self, event: KeptEvent) -> None:
        """Keep an event until ``flush``."""
        self._rows.append(asdict(event))

    def flush(self) -> None:
        """Add the events that are kept.

        Raises:
            sqlalchemy.exc.StatementError: the database refused one of them.
        """
        if self._rows:
            rows, self._rows = self._rows, []
            add_events(self._connection, rows)

    def drop(self) -> None:
        """Forget the events that are kept."""
        self._rows.clear()


def keep_event(connection: sa.Connection, event: KeptEvent) -> None:
    """Store an event at the end of the transaction of a worker's connection; of another connection, at once."""
    keeper: EventKeeper | None = connection.info.get(KEEPER)
    if keeper is None:
        add_events(connection, [asdict(event)])
    else:
        keeper.keep_event(event)


def add_events(connection: sa.Connection, rows: Sequence[Values]) -> None:
    """Add events, in their order.

    Raises:
        sqlalchemy.exc.StatementError: the database refused one of them.
    """
    _ADD.run(connection, rows)


def forget_events(connection: sa.Connection, before: datetime, most: int) -> int:
    """Remove those of the ``most`` oldest events that are older than a moment; return how many these are.

    They are found by their ids, which follow their times closely, so that the table needs no index for it.
    """
    table = leveret_events
    oldest = sa.select(table.c.id, table.c.at).order_by(table.c.id).limit(most)
    old = [row.id for row in connection.execute(oldest) if row.at < before]
    if old:
        connection.execute(table.delete().where(table.c.id == sa.bindparam("old")), [{"old": each} for each in old])
    return len(old)
