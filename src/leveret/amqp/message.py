"""The records that the driver takes and returns: messages to publish, and what arrives."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

import msgspec

_Plain: TypeAlias = bool | int | float | Decimal | str | bytes | datetime | None
FieldValue: TypeAlias = _Plain | list["FieldValue"] | dict[str, "FieldValue"]
"""A value of a header or an argument (AMQP 0-9-1 section 4.2.5.5, with RabbitMQ's errata).

Integers have at most 64 bits, decimals have 32 bits and 255 places, timestamps have whole seconds and a time zone.
"""

FieldTable: TypeAlias = dict[str, FieldValue]


class Properties(msgspec.Struct, frozen=True, gc=False):
    """The fourteen properties of a message (AMQP 0-9-1 section 1.8); None means absent.

    Texts have at most 255 bytes. In a text that arrives, bytes that are not UTF-8 become backslash escapes, so that
    no message can break a consumer. `timestamp` is in POSIX seconds, `expiration` is a text of milliseconds, and
    `delivery_mode` is 1 (transient) or 2 (persistent).
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
"""Properties that are all absent."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message to publish. The empty exchange is the default one, where the routing key is the name of a queue.

    `mandatory` asks the broker to return the message when no queue takes it; it needs a channel with confirms.
    RabbitMQ returns every mandatory message to a direct reply-to queue, so replies are published without it.
    """

    body: bytes
    routing_key: str
    exchange: str = ""
    properties: Properties = EMPTY
    mandatory: bool = False


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A message that the broker sent to a consumer. Its delivery tag belongs to the channel on which it came.

    Attributes:
        unreadable: Why the properties cannot be read, and are empty; otherwise an empty text.
        left_out: The size of a body that is larger than the consumer takes; `body` is empty then. Otherwise 0.
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
    """The answer to a get: a message, with an empty consumer tag, and how many messages are left in the queue."""

    delivery: Delivery
    message_count: int


class ReturnedMessage(msgspec.Struct, frozen=True, gc=False):
    """A mandatory message that no queue took (basic.return).

    `sequence` is the number of its publish; 0 when the driver did not number it.
    """

    sequence: int
    reply_code: int
    text: str
    exchange: str
    routing_key: str
    properties: Properties
    body: bytes


class Confirmation(msgspec.Struct, frozen=True, gc=False):
    """The broker's verdict on published messages (basic.ack or basic.nack); up to `delivery_tag` when `multiple`.

    With `first` it stands for several acks: of each number from `first` to `delivery_tag`.
    """

    delivery_tag: int
    multiple: bool
    accepted: bool
    first: int = 0


class QueueState(msgspec.Struct, frozen=True):
    """The answer to queue.declare: the name, which the broker may have chosen, ready messages, consumers."""

    name: str
    messages: int
    consumers: int
