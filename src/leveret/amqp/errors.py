"""The errors of the driver.

AmqpError
├── AddressError               the text given as an address is not one
├── InvalidArgument            a value that AMQP cannot carry; nothing was written
├── ConnectFailed              no connection: refused, name not found, TLS, wrong password, vhost
│   └── ConnectTimedOut        no connection within the limit (also an AmqpTimeout)
├── ConnectionLost             the connection ended while it was in use
│   └── ProtocolError          because the peer sent bytes that are not AMQP 0-9-1
├── ChannelClosed              the broker closed the channel: 403, 404, 405, 406
│   ├── MessageTooLarge        a message is larger than the broker takes
│   ├── InequivalentArguments  a queue or exchange exists with other arguments
│   └── ConsumerCancelled      the broker cancelled a consumer that had no `on_cancel`
├── AmqpTimeout                a wait reached its limit
├── Unroutable                 a mandatory message came back: no queue takes it
└── Refused                    the broker refused a message (basic.nack)
"""

from __future__ import annotations

import re
from typing import Self


class AmqpError(Exception):
    """The root of the tree: catch it to catch everything that this driver raises.

    Attributes:
        fatal: True when another attempt cannot help until somebody changes something.
        unknown: True when, as the result of a publish, it means that the broker may or may not have the message.
    """

    fatal: bool = False
    unknown: bool = False

    def fresh(self) -> Self:
        """Return an equal error without a traceback, because one error may be raised in many tasks."""
        copy = type(self).__new__(type(self))
        copy.args = self.args
        copy.__dict__.update(self.__dict__)
        copy.__cause__ = self.__cause__
        return copy


class AddressError(AmqpError):
    """The text is not an AMQP address; the error names the part and the reason."""

    fatal = True


class InvalidArgument(AmqpError):
    """A value that AMQP cannot carry, such as a name of more than 255 bytes. Nothing was written."""

    fatal = True


class ConnectFailed(AmqpError):
    """The connection could not be made. The text says what to do; `fatal` is False when waiting can help."""

    def __init__(self, text: str, *, fatal: bool = False) -> None:
        super().__init__(text)
        self.fatal = fatal


class ConnectionLost(AmqpError):
    """The connection ended while it was in use, or was used after its end.

    Attributes:
        reply_code: The broker's code (AMQP 0-9-1 section 1.2, reply codes), 0 without one.
        text: The reason, in the broker's words if it sent any.
    """

    unknown = True

    def __init__(self, text: str, reply_code: int = 0) -> None:
        super().__init__(f"connection lost: {text}" + (f" (code {reply_code})" if reply_code else ""))
        self.reply_code = reply_code
        self.text = text


class ProtocolError(ConnectionLost):
    """The peer broke the rules of AMQP 0-9-1; the connection has been closed with `reply_code`.

    Codes: 501 frame error, 502 syntax error, 503 command invalid, 504 channel error, 505 unexpected frame.
    """

    def __init__(self, text: str, reply_code: int = 501) -> None:
        super().__init__(f"not AMQP 0-9-1: {text}", reply_code)


class ChannelClosed(AmqpError):
    """The channel ended: an operation on it was refused, or it was used after its end.

    Attributes:
        reply_code: 403 access refused, 404 not found, 405 locked, 406 precondition failed, 0 when we closed it.
        text: The broker's words.
    """

    unknown = True

    def __init__(self, text: str, reply_code: int = 0) -> None:
        super().__init__(f"channel closed: {text}" + (f" (code {reply_code})" if reply_code else ""))
        self.reply_code = reply_code
        self.text = text
        self.fatal = reply_code == 403


class InequivalentArguments(ChannelClosed):
    """A queue or exchange with that name exists with other arguments (406 on declare).

    Attributes:
        kind: "queue" or "exchange".
        name: Its name.
        argument: The first argument that differs.
        wanted: The value that was declared now, in the broker's words.
        current: The value of what exists, in the broker's words.
    """

    PATTERN = re.compile(
        r"inequivalent arg '(?P<argument>[^']*)' for (?P<kind>queue|exchange) '(?P<name>.*)' in vhost '.*?': "
        r"received (?P<wanted>.*) but current is (?P<current>.*)$",
        re.DOTALL,
    )

    def __init__(self, text: str, found: re.Match[str]) -> None:
        super().__init__(text, 406)
        self.fatal = True
        self.kind, self.name = found["kind"], found["name"]
        self.argument, self.wanted, self.current = found["argument"], found["wanted"], found["current"]
        says = (
            f"{self.kind} {self.name!r} exists with other arguments: {self.argument} is {self.current}, wanted was "
            f"{self.wanted}. Declare it as it is, use another name, or delete it once it is empty and declare it again "
            "(deleting a queue deletes its messages)."
        )
        self.args = (says,)


class MessageTooLarge(ChannelClosed):
    """A message is larger than the broker takes (406 on publish; RabbitMQ, `max_message_size`).

    Attributes:
        limit: Bytes of the largest body that the broker takes.
    """

    PATTERN = re.compile(r"message size [0-9]+ is larger than (?:configured )?max size (?P<limit>[0-9]{1,18})")

    def __init__(self, text: str, found: re.Match[str]) -> None:
        super().__init__(text, 406)
        self.limit = int(found["limit"])


class ConsumerCancelled(ChannelClosed):
    """The broker cancelled a consumer without `on_cancel`; its channel was closed, so that the loss is noticed."""

    def __init__(self, consumer_tag: str, queue: str) -> None:
        super().__init__(f"the broker cancelled the consumer {consumer_tag!r} of queue {queue!r}; was it deleted?")
        self.consumer_tag, self.queue = consumer_tag, queue


class AmqpTimeout(AmqpError):
    """A wait reached its limit.

    Attributes:
        what: What did not come in time.
        seconds: The limit.
    """

    unknown = True

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"no answer in {seconds:g} s to {what}")
        self.what, self.seconds = what, seconds


class ConnectTimedOut(ConnectFailed, AmqpTimeout):
    """No connection within the limit: a firewall drops packets, or the broker accepts and then stays silent."""

    unknown = False

    def __init__(self, what: str, seconds: float) -> None:
        AmqpTimeout.__init__(self, what, seconds)
        self.fatal = False
        says = f"no connection in {seconds:g} s: {what}; is this the right address, and does the broker work?"
        self.args = (says,)


class Unroutable(AmqpError):
    """A mandatory message came back because no queue takes it (basic.return, AMQP 0-9-1 section 1.8.3.8)."""

    def __init__(self, reply_code: int, text: str, exchange: str, routing_key: str) -> None:
        super().__init__(f"no queue takes a message to exchange {exchange!r} with key {routing_key!r}: {text}")
        self.reply_code, self.text = reply_code, text
        self.exchange, self.routing_key = exchange, routing_key


class Refused(AmqpError):
    """The broker did not take a message (basic.nack): a queue is full, or its node has a problem. Try again later."""

    def __init__(self, exchange: str, routing_key: str) -> None:
        super().__init__(f"the broker refused a message to exchange {exchange!r} with key {routing_key!r}")
        self.exchange, self.routing_key = exchange, routing_key


def channel_closed(reply_code: int, text: str) -> ChannelClosed:
    """Return the error for a channel.close of the broker, as specific as the broker's words allow."""
    if reply_code == 406:
        for kind in (InequivalentArguments, MessageTooLarge):
            if found := kind.PATTERN.search(text):
                return kind(text, found)
    return ChannelClosed(text, reply_code)
