"""Our own AMQP 0-9-1 driver for asyncio. It uses no threads.

It decodes all frames of one read in one pass, and writes everything of one turn of the event loop in one piece. Start
with `Connection.open`; `Connection.channel` makes a `Channel`, which declares, consumes and publishes. Of the rest of
leveret it imports `leveret.process` only.
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
from leveret.amqp.message import Delivery, FetchedMessage, FieldTable, FieldValue, Message, Properties, QueueState
from leveret.amqp.reconnector import Closable, Reconnector
from leveret.amqp.seam import AnyChannel, AnyConnection, Connect

__all__ = [
    "Address",
    "AddressError",
    "Addresses",
    "AmqpError",
    "AmqpTimeout",
    "AnyChannel",
    "AnyConnection",
    "Channel",
    "ChannelClosed",
    "Closable",
    "Connect",
    "ConnectFailed",
    "ConnectTimedOut",
    "Connection",
    "ConnectionLost",
    "ConsumerCancelled",
    "Delivery",
    "FetchedMessage",
    "FieldTable",
    "FieldValue",
    "InequivalentArguments",
    "InvalidArgument",
    "Limits",
    "Message",
    "MessageTooLarge",
    "Properties",
    "ProtocolError",
    "QueueState",
    "Reconnector",
    "Refused",
    "Unroutable",
    "size_of",
]
