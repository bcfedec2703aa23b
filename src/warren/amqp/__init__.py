"""Our own AMQP 0-9-1 driver: asyncio, no thread, every frame of a read in one pass, every write of a turn in one piece.

Connection.open → channel → declare, consume, publish. It imports nothing from the rest of warren.
"""

from warren.amqp.address import Address
from warren.amqp.addresses import Addresses
from warren.amqp.channel import Channel
from warren.amqp.connection import Connection
from warren.amqp.errors import (
    AddressError,
    AmqpError,
    AmqpTimeout,
    ChannelClosed,
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    ConsumerCancelled,
    InequivalentArguments,
    InvalidArgument,
    MessageTooLarge,
    ProtocolError,
    Refused,
    Unroutable,
)
from warren.amqp.fields import size_of
from warren.amqp.limits import Limits
from warren.amqp.message import Delivery, FieldTable, FieldValue, Got, Message, Properties, QueueState
from warren.amqp.reconnect import Backoff, Reconnecting, Session

__all__ = [
    "Address",
    "AddressError",
    "Addresses",
    "AmqpError",
    "AmqpTimeout",
    "Backoff",
    "Channel",
    "ChannelClosed",
    "ConnectFailed",
    "ConnectTimedOut",
    "Connection",
    "ConnectionLost",
    "ConsumerCancelled",
    "Delivery",
    "FieldTable",
    "FieldValue",
    "Got",
    "InequivalentArguments",
    "InvalidArgument",
    "Limits",
    "Message",
    "MessageTooLarge",
    "Properties",
    "ProtocolError",
    "QueueState",
    "Reconnecting",
    "Refused",
    "Session",
    "Unroutable",
    "size_of",
]
