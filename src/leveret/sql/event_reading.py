"""Reading events in an order in which none is skipped that commits late.

Numbers are given out before the commit, so that a row with a smaller number may appear after one with a larger number
was read. On PostgreSQL a reader therefore reads only rows of transactions that are older than every transaction that
still runs (``pg_snapshot_xmin``): among these no further row can appear. It reads them in windows of transaction
ids, and within a window in the order of the rows' own ids, which are given out right before the commit. A transaction
that waited for another one's change of a row is in the same window or a later one, behind it. On SQLite, with one
writer, the order of ids is that of commits.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import InvalidRequest
from leveret.sql.prepared import Prepared
from leveret.sql.tables import leveret_events

LARGEST_PAGE: Final = 1024 * 1024
"""Bytes of data in one page; the event that reaches this size is the last one in it."""

_MOST_PRINCIPALS: Final = 1000
_LARGEST: Final = 2**63 - 1

_BOUND: Final = Prepared(
    {
        "sqlite": sa.text(
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'leveret_events'), 0) + 1,"
            " CAST(strftime('%s', 'now') AS INTEGER)"
        ),
        "postgresql": sa.text(
            "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint),"
            " CAST(floor(extract(epoch FROM statement_timestamp())) AS bigint)"
        ),
    }
)
"""Below which transaction, or row on SQLite, nothing can appear any more; and the time by the database's clock."""

_TABLE: Final = leveret_events.c
_IN_WINDOW: Final = {
    "sqlite": sa.and_(
        _TABLE.transaction_id == sa.literal_column("0"),
        _TABLE.id >= sa.bindparam("first"),
        _TABLE.id < sa.bindparam("end"),
    ),
    "postgresql": sa.and_(_TABLE.transaction_id >= sa.bindparam("first"), _TABLE.transaction_id < sa.bindparam("end")),
}
_ROWS: Final = Prepared(
    {
        dialect: sa.select(_TABLE.id, _TABLE.type, _TABLE.subject, _TABLE.data_json, _TABLE.request, _TABLE.at)
        .where(_TABLE.principal == sa.bindparam("principal"), window, _TABLE.id > sa.bindparam("last"))
        .order_by(_TABLE.id)
        .limit(sa.bindparam("most"))
        for dialect, window in _IN_WINDOW.items()
    }
)
_PRINCIPALS: Final = Prepared(
    {
        dialect: sa.select(_TABLE.principal).distinct().where(window).limit(_MOST_PRINCIPALS)
        for dialect, window in _IN_WINDOW.items()
    }
)

_FORM: Final = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})\.([0-9]{1,19})\.([0-9]{1,12})\.([0-9a-f]{8})")


class EventPosition(Struct, frozen=True):
    """How far a reader has read.

    Attributes:
        first: the first transaction of the window.
        end: the first transaction behind it.
        last: the last row of the window that was read; 0 for none.
        at: when this was so, by the database's clock, in POSIX seconds.
    """

    first: int
    end: int
    last: int
    at: int

    def text(self, principal: str) -> str:
        """Return the position as a text that only its principal can use."""
        numbers = f"{self.first}.{self.end}.{self.last}.{self.at}"
        return f"{numbers}.{_check(numbers, principal)}"


def position_of(text: str, principal: str) -> EventPosition:
    """Return the position that a text stands for.

    Raises:
        InvalidRequest: it was not made for this principal.
    """
    found = _FORM.fullmatch(text)
    numbers = [int(number) for number in found.groups()[:4]] if found else []
    if found is None or _check(text.rpartition(".")[0], principal) != found[5] or max(numbers) > _LARGEST:
        raise InvalidRequest("after: this is not the position of one of your events: send one as it came, or none")
    return EventPosition(*numbers)


class EventRow(Struct, frozen=True):
    """An event as it was stored.

    Attributes:
        position: where whoever has read it stands.
        id: its number, which no other event has.
        type: what happened.
        subject: what it happened to; may be empty.
        data_json: what is told of it.
        request: id of the request that did it.
        at: when it was stored, by the database's clock.
    """

    position: EventPosition
    id: int
    type: str
    subject: str
    data_json: str
    request: str
    at: datetime


class EventsRead(Struct, frozen=True):
    """Events behind a position.

    Attributes:
        events: in their order.
        position: where whoever has read them stands.
        more: whether there are certainly more already.
    """

    events: list[EventRow]
    position: EventPosition
    more: bool


def present_position(connection: sa.Connection) -> EventPosition:
    """Return the position behind everything that can be read now."""
    ((bound, at),) = _BOUND.rows(connection, {})
    return EventPosition(bound, bound, 0, at)


def read_events(
    connection: sa.Connection, principal: str, after: EventPosition, present: EventPosition, most: int
) -> EventsRead:
    """Return a principal's events behind a position, as many as one page takes.

    Args:
        connection: in a transaction.
        principal: whose events.
        after: behind what.
        present: the present position, read in the same transaction.
        most: how many events at most.
    """
    windows = [after, EventPosition(after.end, present.end, 0, present.at)]
    found: list[EventRow] = []
    size = 0
    for window in windows:
        for row in _rows(connection, principal, window, most - len(found)):
            at = EventPosition(window.first, window.end, row[0], present.at)
            found.append(EventRow(at, *row))
            size += len(row[3])
            if len(found) >= most or size >= LARGEST_PAGE:
                return EventsRead(found, at, more=True)
    return EventsRead(found, present, more=False)


def principals_with_events(connection: sa.Connection, after: EventPosition, present: EventPosition) -> list[str] | None:
    """Return who has events behind a position; None if these are too many to name."""
    if after.end >= present.end:
        return []
    found = _PRINCIPALS.rows(connection, {"first": after.end, "end": present.end})
    return None if len(found) >= _MOST_PRINCIPALS else [row[0] for row in found]


def _rows(connection: sa.Connection, principal: str, window: EventPosition, most: int) -> Sequence[Sequence[Any]]:
    if window.first >= window.end:
        return []
    given = {"principal": principal, "first": window.first, "end": window.end, "last": window.last, "most": most}
    return _ROWS.rows(connection, given)


def _check(numbers: str, principal: str) -> str:
    """Return what tells a position of this principal from other texts; it is no secret."""
    return hashlib.sha256(f"leveret events\n{principal}\n{numbers}".encode()).hexdigest()[:8]
