"""What an action tells its users of a change: an event, which is stored with the change and read later, in order."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:  # a program that only registers actions does not load it
    import sqlalchemy as sa

LONGEST_TYPE: Final = 128
"""Characters of an event's type: the length of its column."""

LONGEST_EVENT_SUBJECT: Final = 128
"""Characters of an event's subject: the length of its column."""

WATCH: Final = "watch_events"
"""Name of the framework's action that tells for whom there are new events; doors ask it every second."""

LARGEST_EVENT: Final = 64 * 1024
"""The most bytes of an event's data as JSON."""

_TYPE: Final = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+")


class Event(Struct, frozen=True):
    """A change that happened, as its users are told; ``Context.add_event`` stores it.

    Attributes:
        type: what happened, with a version at its end: ``shop.order.sent.v1`` (CloudEvents 1.0.2, "type").
        data: what is told of it; is written as JSON, as an action's output is.
        subject: what it happened to, such as the id of a task, in up to 128 characters; empty for nothing
        principal: whom it is for: the subject of a user's token; empty for the caller.
    """

    type: str
    data: Any
    subject: str = ""
    principal: str = ""


class KeptEvent(Struct, frozen=True):
    """An event as it is stored.

    Attributes:
        principal: whom it is for.
        type: what happened.
        subject: what it happened to; may be empty.
        data_json: what is told of it.
        request: id of the request that did it.
    """

    principal: str
    type: str
    subject: str
    data_json: str
    request: str


@lru_cache(maxsize=1000)
def check_type(kind: str) -> None:
    """Check the type of an event; each is checked once.

    Raises:
        ValueError: it is not two or more words of small letters with dots between them, or it is too long.
    """
    if len(kind) > LONGEST_TYPE or not _TYPE.fullmatch(kind):
        raise ValueError(
            f"{kind!a} cannot be an event's type: write up to {LONGEST_TYPE} small letters, digits, '_' and '-', with "
            "dots, such as shop.order.sent.v1"
        )


class ReadableEvents(Protocol):
    """Reads events for the framework's own actions; ``leveret.sql.event_reader`` has it."""

    def read(self, connection: sa.Connection, principal: str, after: str, most: int) -> Any:
        """Return a page of a principal's events."""
        ...

    def watch(self, connection: sa.Connection, after: str) -> Any:
        """Return for whom there are events behind a position."""
        ...
