"""What users read of their events, and what doors learn of news: pages with positions as texts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from leveret.auth.keyring import Keyring
from leveret.sql import event_reading
from leveret.sql.event_reading import EventPosition, EventRow, position_of, present_position

_GROUPS: Final = 4096


class EventOut(Struct, frozen=True, omit_defaults=True):
    """An event of the caller.

    Attributes:
        position: give it as ``after`` to read what follows.
        id: no other event has it.
        type: what happened.
        time: when.
        request_id: of the request that did it.
        data: what is told of it.
        subject: what it happened to.
    """

    position: str
    id: str
    type: str
    time: datetime
    request_id: str
    data: Any
    subject: str = ""


class Events(Struct, frozen=True):
    """Output of read_events.

    Attributes:
        events: in their order.
        position: give it as ``after`` to read what follows.
        more: whether there are more already.
        complete: False if events behind ``after`` are not kept any more, so that some may be missing.
        group: a number that watch_events tells when this caller has new events; others may have the same.
    """

    events: list[EventOut]
    position: str
    more: bool
    complete: bool
    group: int


class EventNews(Struct, frozen=True):
    """Output of watch_events.

    Attributes:
        position: give it as ``after`` to learn what is new then.
        groups: groups of users of whom some have new events; null for any.
    """

    position: str
    groups: list[int] | None


class EventReader:
    """Reads events for the actions.

    Args:
        keyring: its secret keeps callers from knowing whose group is which.
        retention: how long events can be read.
    """

    def __init__(self, keyring: Keyring, retention: timedelta) -> None:
        self._keyring = keyring
        self._retention = retention.total_seconds()

    def read(self, connection: sa.Connection, principal: str, after: str, most: int) -> Events:
        """Return a page of a principal's events.

        Raises:
            InvalidRequest: ``after`` is not one of this principal's positions.
        """
        wanted = position_of(after, principal) if after else None
        present = present_position(connection)
        complete = wanted is None or self._holds(wanted, present)
        start = present if wanted is None or not complete else wanted
        found = event_reading.read_events(connection, principal, start, present, most)
        events = [_out(row, principal) for row in found.events]
        return Events(events, found.position.text(principal), found.more, complete, self.group(principal))

    def watch(self, connection: sa.Connection, after: str) -> EventNews:
        """Return for whom there are events behind a position."""
        wanted = position_of(after, "") if after else None
        present = present_position(connection)
        text = present.text("")
        if wanted is None or not self._holds(wanted, present):
            return EventNews(text, None)
        principals = event_reading.principals_with_events(connection, wanted, present)
        return EventNews(text, None if principals is None else sorted({self.group(each) for each in principals}))

    def group(self, principal: str) -> int:
        """Return the group of a principal."""
        digest = self._keyring.fingerprint(f"group of events\n{principal}".encode(), keyed=True)
        return int.from_bytes(digest[:4]) % _GROUPS

    def _holds(self, after: EventPosition, present: EventPosition) -> bool:
        """Return whether all events behind a position are there; not if it is too old, or of another database."""
        return after.end <= present.end and after.at >= present.at - self._retention


def _out(row: EventRow, principal: str) -> EventOut:
    data = msgspec.json.decode(row.data_json)
    return EventOut(row.position.text(principal), str(row.id), row.type, row.at, row.request, data, row.subject)
