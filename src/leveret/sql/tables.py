"""The tables that leveret needs; ``leveret.sql.schema`` makes and upgrades them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from leveret.api import LONGEST_EVENT_SUBJECT, LONGEST_NAME, LONGEST_TYPE, LONGEST_VERSION
from leveret.sql.records import RequestKey


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """Moments with a time zone, written and read in UTC; SQLite stores them as text without a zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any]:
        """Return the function that turns a moment into what the driver takes; without a zone it raises ValueError.

        For SQLite it writes the text that SQLAlchemy would write, several times faster than with a format string.
        """
        return _as_text if dialect.name == "sqlite" else _in_utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Return what the database holds, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"A moment without a zone cannot be stored: {value}")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    moment = _in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


_WITHOUT_ZONE: Final = len("2000-01-01 00:00:00.000000")


LONGEST_APPLICATION: Final = 32
"""Characters of an application's name."""

metadata: Final = sa.MetaData()
"""The tables that leveret needs; ``leveret.sql.schema`` makes and upgrades them."""

processed_requests: Final = sa.Table(
    "processed_requests",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
    sa.Column("version", sa.String(LONGEST_VERSION), nullable=False),
    sa.Column("action", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("response_json", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""One row for each request whose response is stored; ids are chosen by callers, so the key holds the principal."""

crash_journal: Final = sa.Table(
    "crash_journal",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each redelivered request that is running now, or whose worker died while it ran."""

rate_windows: Final = sa.Table(
    "rate_windows",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("ends_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each principal whose requests are counted: when its window ends, and how many have been leased in it."""

leveret_events: Final = sa.Table(
    "leveret_events",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("transaction_id", sa.BigInteger, nullable=False),
    sa.Column("principal", sa.String(64), nullable=False),
    sa.Column("type", sa.String(LONGEST_TYPE), nullable=False),
    sa.Column("subject", sa.String(LONGEST_EVENT_SUBJECT), nullable=False),
    sa.Column("data_json", sa.Text, nullable=False),
    sa.Column("request", sa.String(128), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("ix_leveret_events_principal", "principal", "transaction_id", "id"),
    sa.Index("ix_leveret_events_transaction_id", "transaction_id"),
    sqlite_autoincrement=True,
)
"""One row for each event, added right before the commit of what it tells of. On PostgreSQL ``transaction_id`` is that
of the transaction that added it, by which readers skip none that commits late; on SQLite, with one writer, it is 0."""

leveret_application: Final = sa.Table(
    "leveret_application",
    metadata,
    sa.Column("name", sa.String(LONGEST_APPLICATION), primary_key=True),
)
"""One row: the name of the application to which all the rows of the other tables belong."""


def is_of(table: sa.Table, key: RequestKey) -> sa.ColumnElement[bool]:
    """Return the condition that finds a key's row, in a table with one row for each key."""
    return sa.and_(table.c.principal == key.principal, table.c.id == key.id)
