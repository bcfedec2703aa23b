"""The channel that a worker publishes on; when one message closes it, it is opened again for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from leveret.amqp import (
    AmqpError,
    AmqpTimeout,
    AnyChannel,
    AnyConnection,
    ChannelClosed,
    InvalidArgument,
    Message,
    MessageTooLarge,
    Refused,
)

Verdicts = list[AmqpError | None]

_PRECONDITION_FAILED = 406

_ALARM_LOOKED_AT = 0.5
"""Seconds between two checks whether an alarm at the broker is over."""


def is_not_taken(verdict: AmqpError | None) -> bool:
    """Return whether the broker or the driver does not take a message; of several messages, it is unknown which one."""
    code = verdict.reply_code if isinstance(verdict, ChannelClosed) else 0
    return code == _PRECONDITION_FAILED or isinstance(verdict, InvalidArgument)


class Publisher:
    """Publishes on one connection, with confirms.

    A message that the broker does not take (error 406) ends the channel, and all messages on it that are not confirmed
    fail with it. So the channel is opened again, and the caller publishes those messages one by one on another
    channel, which shows which message was to blame.

    Args:
        connection: an open connection.
        channel: an open channel of the connection, with confirms.
        on_lost: called when nothing can be published any more.

    Attributes:
        largest: the most bytes of a message at this broker; None until the broker has said so.
    """

    def __init__(self, connection: AnyConnection, channel: AnyChannel, on_lost: Callable[[AmqpError], None]) -> None:
        self.largest: int | None = None
        self._connection = connection
        self._on_lost = on_lost
        self._channel = channel
        self._lone: AnyChannel | None = None
        self._reopening: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[Sequence[Message], asyncio.Future[Verdicts]]] = []
        self._watch(channel)

    def publish(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        """Publish messages together, see ``Channel.publish_batch``; `InvalidArgument` becomes a verdict, not an error.

        Raises:
            AmqpError: the connection has ended.
        """
        if self._connection.is_open and not self._channel.is_open:  # another one is being opened
            future: asyncio.Future[Verdicts] = asyncio.get_running_loop().create_future()
            self._waiting.append((messages, future))
            return future
        return _publish(self._channel, messages)

    async def publish_alone(self, message: Message) -> AmqpError | None:
        """Publish one message on a separate channel, and return the verdict on it; never raises."""
        try:
            if self._lone is None or not self._lone.is_open:
                self._lone = await self._open()
            (verdict,) = await _publish(self._lone, [message])
            if isinstance(verdict, Refused) and message.mandatory:
                # A quorum queue tells a channel when there is room again, but not when its limit is removed.
                await self._lone.close()
        except AmqpError as error:
            return error
        if isinstance(verdict, MessageTooLarge):
            self.largest = verdict.limit
        return verdict

    def end(self) -> None:
        """Stop opening channels, because the session is over."""
        for task in self._reopening:
            task.cancel()

    def _watch(self, channel: AnyChannel) -> None:
        channel.closed.add_done_callback(self._ended)

    def _ended(self, ending: asyncio.Future[AmqpError | None]) -> None:
        error = ending.result()
        if is_not_taken(error) and self._connection.is_open:
            task = asyncio.get_running_loop().create_task(self._reopen())
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)
        else:
            self._on_lost(error or AmqpError("closed"))

    async def _open(self) -> AnyChannel:
        """Open a channel; during an alarm the broker reads nothing from this connection, so this waits for its end."""
        while True:
            while self._connection.blocked and self._connection.is_open:  # noqa: ASYNC110 -- the alarm is the broker's
                await asyncio.sleep(_ALARM_LOOKED_AT)
            try:
                return await self._connection.channel(confirms=True)
            except AmqpTimeout:
                if not self._connection.blocked:
                    raise

    async def _reopen(self) -> None:
        try:
            self._channel = await self._open()
            for messages, future in self._waiting:
                _publish(self._channel, messages).add_done_callback(partial(_hand_on, future))
            self._waiting.clear()
        except AmqpError as error:
            self._on_lost(error)
        else:
            self._watch(self._channel)


def _publish(channel: AnyChannel, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
    try:
        return channel.publish_batch(messages)
    except InvalidArgument as error:  # none of them was written
        future: asyncio.Future[Verdicts] = asyncio.get_running_loop().create_future()
        future.set_result([error] * len(messages))
        return future


def _hand_on(future: asyncio.Future[Verdicts], done: asyncio.Future[Verdicts]) -> None:
    if not future.done():
        future.set_result(done.result())
