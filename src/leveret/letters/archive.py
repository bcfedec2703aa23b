"""The archive: discarded letters in a stream, from which they can be brought back for thirty days."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import Struct

from leveret.amqp import Delivery, FieldTable, Message
from leveret.letters.stream import OFFSET
from leveret.topology import Topology
from leveret.wire.kept import iso_time
from leveret.wire.messages import letter_copy

_AT: Final = "x-archived-at"
_BY: Final = "x-archived-by"
_WHY: Final = "x-archived-why"
_OPERATION: Final = "x-archived-operation"

_LONGEST: Final = 1_000
"""Characters of a reason that are kept."""


class Archived(Struct, frozen=True):
    """Who discarded a letter, when and why.

    Attributes:
        at: when, ISO 8601 in UTC.
        by: who.
        why: the reason, perhaps shortened; empty if nobody gave one.
        operation: the id of the operation that did it.
    """

    at: str
    by: str
    why: str = ""
    operation: str = ""


def archived_message(
    letter: Delivery, topology: Topology, *, at: datetime, by: str, why: str = "", operation: str = ""
) -> Message:
    """Make the message with which a letter is put into the archive; its body and its seal stay as they are.

    Args:
        letter: as it lies in the queue.
        topology: names the archive.
        at: when it is discarded.
        by: who does it.
        why: the reason.
        operation: the id of the operation that does it.
    """
    told = {_AT: iso_time(at), _BY: by[:_LONGEST], _WHY: why[:_LONGEST], _OPERATION: operation}
    return letter_copy(letter, {**_own(letter), **told}, topology.archive_stream)


def read_archived(delivery: Delivery) -> Archived:
    """Read who discarded a letter of the archive; what is not said there is empty. Never raises."""
    headers = delivery.properties.headers or {}
    at, by, why, operation = (_text(headers.get(name)) for name in (_AT, _BY, _WHY, _OPERATION))
    return Archived(at, by, why, operation)


def restored_message(archived: Delivery, topology: Topology, *, exchange: str) -> Message:
    """Make the message with which a letter of the archive comes back to its queue, as it was.

    Args:
        archived: as it lies in the archive.
        topology: names the queue.
        exchange: where letters are published, see `leveret.broker.declaring.Declared`.
    """
    return letter_copy(archived, _own(archived), topology.dead_letters, exchange)


def _own(delivery: Delivery) -> FieldTable:
    headers = delivery.properties.headers or {}
    return {name: value for name, value in headers.items() if name not in (_AT, _BY, _WHY, _OPERATION, OFFSET)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
