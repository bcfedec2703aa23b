"""The actions by which users learn of their events, in an application that has them: ``App(..., events=True)``."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from leveret.api import Context
from leveret.sql.event_reader import EventNews, Events

READ: Final = "read_events"
"""Name of the action that reads the caller's events."""

Limit = Annotated[int, Meta(ge=1, le=100)]


def read_events(context: Context, after: str = "", limit: Limit = 100) -> Events:
    """Return the caller's events behind a position, in an order in which none is skipped.

    Without ``after`` there are none: the position that is returned is the present one, from which to read on.
    """
    found: Events = context.event_reader.read(context.connection, context.principal.subject, after, limit)
    return found


def watch_events(context: Context, after: str = "") -> EventNews:
    """Tell for which groups of users there are events behind a position, for doors that hold many streams open."""
    news: EventNews = context.event_reader.watch(context.connection, after)
    return news
