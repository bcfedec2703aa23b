"""The records that cross the driver's border: what is published, and what arrives."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

import msgspec

_Plain: TypeAlias = bool | int | float | Decimal | str | bytes | datetime | None
FieldValue: TypeAlias = _Plain | list["FieldValue"] | dict[str, "FieldValue"]
"""What a header or an argument may hold (AMQP 0-9-1 section 4.2.5.5, with RabbitMQ's errata).

Integers have at most 64 bits, decimals 32 bits and 255 places, timestamps whole seconds and a time zone.
"""

FieldTable: TypeAlias = dict[str, FieldValue]


class Properties(msgspec.Struct, frozen=True, gc=False):
    """The fourteen properties of a message (AMQP 0-9-1 section 1.8); None means absent.

    Texts have at most 255 bytes. What arrives with bytes that are not UTF-8 is shown with backslash escapes: a
    stranger's message must not break a consumer. `timestamp` is POSIX seconds, `expiration` milliseconds as text,
    `delivery_mode` 1 transient or 2 persistent.
    """

    content_type: str | None = None
    content_encoding: str | None = None
    headers: FieldTable | None = None
    delivery_mode: int | None = None
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration: str | None = None
    message_id: str | None = None
    timestamp: int | None = None
    type: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    cluster_id: str | None = None


EMPTY = Properties()
"""No properties."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message to publish. The empty exchange is the default one, where the routing key is a queue's name.

    `mandatory` asks the broker to return it when no queue takes it; it needs a channel with confirms. RabbitMQ returns
    everything mandatory that goes to a direct reply-to, so replies are published without it.
    """

    body: bytes
    routing_key: str
    exchange: str = ""
    properties: Properties = EMPTY
    mandatory: bool = False


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A message that the broker sent to a consumer. Its tag belongs to the channel on which it came.

    Attributes:
        unreadable: Why its properties could not be read, and are empty; otherwise an empty text.
        left_out: Bytes of a body that is larger than its consumer takes; `body` is empty then. Otherwise 0.
    """

    consumer_tag: str
    delivery_tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    properties: Properties
    body: bytes
    unreadable: str = ""
    left_out: int = 0


class FetchedMessage(msgspec.Struct, frozen=True):
    """The answer to a get: a message (its consumer tag is empty) and how many were left in the queue."""

    delivery: Delivery
    message_count: int


class ReturnedMessage(msgspec.Struct, frozen=True, gc=False):
    """A mandatory message that no queue took, as basic.return brings it back.

    `sequence` says which one it was; 0 when the driver did not number it.
    """

    sequence: int
    reply_code: int
    text: str
    exchange: str
    routing_key: str
    properties: Properties
    body: bytes


class Confirmation(msgspec.Struct, frozen=True, gc=False):
    """The broker's verdict on published messages (basic.ack or basic.nack), up to `delivery_tag` when `multiple`.

    With `first` it stands for several acks, of all from that number to `delivery_tag`.
    """

    delivery_tag: int
    multiple: bool
    accepted: bool
    first: int = 0


class QueueState(msgspec.Struct, frozen=True):
    """What queue.declare says: the name (the broker may have chosen it), ready messages, consumers."""

    name: str
    messages: int
    consumers: int
