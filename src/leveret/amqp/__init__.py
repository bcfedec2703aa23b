"""Our own AMQP 0-9-1 driver: asyncio, no thread, every frame of a read in one pass, every write of a turn in one piece.

Connection.open → channel → declare, consume, publish. It imports nothing from the rest of leveret.
"""

from leveret.amqp.address import Address
from leveret.amqp.addresses import Addresses
from leveret.amqp.channel import Channel
from leveret.amqp.connection import Connection
from leveret.amqp.errors import (
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
from leveret.amqp.fields import size_of
from leveret.amqp.limits import Limits
from leveret.amqp.message import Delivery, FieldTable, FieldValue, Got, Message, Properties, QueueState
from leveret.amqp.reconnect import Reconnecting, Session

__all__ = [
    "Address",
    "AddressError",
    "Addresses",
    "AmqpError",
    "AmqpTimeout",
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
