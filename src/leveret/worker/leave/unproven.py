"""Replies to reply queues whose names may be forged.

Only the broker can tell whether the name of a direct reply queue is genuine. A forged name may have the right form, and
ends the connection that publishes to it (RabbitMQ 3.10, code 541). So a name is *proven* by the first reply to it that
is confirmed; until then replies to it go over a connection of their own, whose end affects nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from leveret.amqp import AmqpError, AmqpTimeout, AnyChannel, AnyConnection, ConnectionLost, Message, Refused
from leveret.amqp.rabbitmq import DIRECT_REPLY_TO
from leveret.process.backoff import Pauses
from leveret.worker.publishing import is_not_taken
from leveret.worker.session import is_refused

logger: Final = logging.getLogger("leveret.worker")

MOST_PROVEN: Final = 10_000
MOST_FORGED: Final = 1_000
"""How many names are remembered; the oldest ones are forgotten, and cost a detour or a connection once more."""

TRIES: Final = 3
"""How often a reply is tried that is alone on its connection when the connection ends for an unknown reason."""

CALM: Final = 1.0
"""Seconds after a forged name was found in which further replies are given up when too many wait."""

OPERATOR: Final = 320
"""AMQP 0-9-1, section 1.2, connection-forced: somebody closed the connection, or the broker stops."""


class UnprovenReply:
    """A reply on its way to a reply queue that is not proven.

    Attributes:
        message: the reply.
        id: the request's id, for the log.
        tag: the delivery that is acked after the reply; None if its ack does not wait for the reply.
        tries: how often its connection ended while it was alone there.
    """

    __slots__ = ("id", "message", "tag", "tries")

    def __init__(self, message: Message, request_id: str, tag: int | None) -> None:
        self.message, self.id, self.tag, self.tries = message, request_id, tag, 0


class Detour:
    """A connection whose end affects nothing else, and a channel on it; both are opened when they are needed.

    Args:
        connect: opens a connection.
    """

    def __init__(self, connect: Callable[[], Awaitable[AnyConnection]]) -> None:
        self._connect = connect
        self._connection: AnyConnection | None = None
        self._channel: AnyChannel | None = None

    async def channel(self) -> AnyChannel:
        """Return an open channel with confirms, as soon as there is one."""
        pauses = Pauses()
        while self._channel is None or not self._channel.is_open:
            try:
                if self._connection is None or not self._connection.is_open:
                    self._connection = await self._connect()
                self._channel = await self._connection.channel(confirms=True)
            except AmqpError as error:
                pause = pauses.next()
                logger.warning("no connection for replies to new reply queues: %s; next try in %.1f s", error, pause)
                await asyncio.sleep(pause)
        return self._channel

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()


class UnprovenReplies:
    """Publishes replies to queues that are not proven, on a connection that is opened when the first one comes.

    When the connection ends, the replies that were under way are published again, one by one. A reply that is alone
    when it ends the connection is given up, and no further reply is sent to its queue.

    Args:
        connect: opens a connection; closed by ``close``.
        write_shorter: returns a reply that says that the given one is too large; None if there is none.
        on_done: called with deliveries that may be acked.
        on_size: called with the number of bytes by which the replies that wait have grown or shrunk.
        on_failure: called when this worker may not publish at all, which is not the fault of any reply queue.
        room: how many replies may wait while forged names are found; further ones are given up.

    Attributes:
        proven: names of reply queues; a reply to one of them cannot end its connection.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AnyConnection]],
        *,
        write_shorter: Callable[[Message, str], Message | None],
        on_done: Callable[[Sequence[int]], None],
        on_size: Callable[[int], None],
        on_failure: Callable[[AmqpError], None],
        room: int,
    ) -> None:
        self._detour = Detour(connect)
        self._write_shorter = write_shorter
        self._on_done = on_done
        self._on_size = on_size
        self._on_failure = on_failure
        self._room = room
        self._loop = asyncio.get_running_loop()
        self.proven: dict[str, None] = {}
        self._forged: dict[str, None] = {}
        self._waiting: deque[UnprovenReply] = deque()
        self._lone: deque[UnprovenReply] = deque()  # published before the others, and one by one
        self._found_at = -CALM
        self._running: asyncio.Task[None] | None = None

    def is_proven(self, queue: str) -> bool:
        """Return whether a reply to that queue cannot end its connection."""
        if queue in self.proven:
            return True
        if queue.startswith(DIRECT_REPLY_TO):
            return False
        _remember(self.proven, queue, MOST_PROVEN)  # an ordinary queue, which exists or not
        return True

    def publish(self, reply: UnprovenReply) -> None:
        """Publish a reply; give it up if its queue's name is forged, or if too many replies wait."""
        forged = reply.message.routing_key in self._forged
        waiting = len(self._waiting) + len(self._lone)
        crowded = waiting >= self._room and self._loop.time() < self._found_at + CALM
        if forged or crowded:
            why = "its reply queue ended connections" if forged else "too many replies wait behind forged reply queues"
            self._give_up(reply, why)
            return
        self._waiting.append(reply)
        self._on_size(len(reply.message.body))
        if self._running is None:
            self._running = self._loop.create_task(self._run())

    async def close(self) -> None:
        """Publish nothing any more, and close the connection."""
        self._waiting.clear()
        self._lone.clear()
        if self._running is not None:
            self._running.cancel()
        await self._detour.close()

    async def _run(self) -> None:
        try:
            while self._lone or self._waiting:
                channel = await self._detour.channel()
                if self._lone:
                    replies = [self._lone.popleft()]
                else:
                    replies = list(self._waiting)
                    self._waiting.clear()
                await self._publish(channel, replies)
        finally:
            self._running = None

    async def _publish(self, channel: AnyChannel, replies: list[UnprovenReply]) -> None:
        try:
            verdicts = await channel.publish_batch([reply.message for reply in replies])
        except AmqpError as error:
            verdicts = [error] * len(replies)
        lost: list[tuple[UnprovenReply, AmqpError]] = []
        done: list[int] = []
        self._on_size(-sum([len(reply.message.body) for reply in replies]))
        for reply, verdict in zip(replies, verdicts, strict=True):
            if verdict is not None and not isinstance(verdict, Refused):
                lost.append((reply, verdict))
                continue
            _remember(self.proven, reply.message.routing_key, MOST_PROVEN)
            if reply.tag is not None:
                done.append(reply.tag)
        if done:
            self._on_done(done)
        if len(replies) == 1 and lost:
            self._judge(*lost[0])
        elif lost:
            self._lone.extend(reply for reply, _ in lost)
            self._on_size(sum([len(reply.message.body) for reply, _ in lost]))

    def _judge(self, reply: UnprovenReply, verdict: AmqpError) -> None:
        """Decide what becomes of a reply that was alone when its channel or connection ended."""
        queue = reply.message.routing_key
        if is_not_taken(verdict):
            shorter = self._write_shorter(reply.message, reply.id)
            if shorter is None:
                self._give_up(reply, f"the broker does not take it: {verdict}")
            else:
                reply.message = shorter
                self._again(reply)
            return
        if is_refused(verdict):
            self._on_failure(verdict)  # what is not acked comes again
            return
        if isinstance(verdict, AmqpTimeout):  # nothing has ended: an alarm delays all confirms
            self._again(reply)
            return
        code = verdict.reply_code if isinstance(verdict, ConnectionLost) else 0
        reply.tries += 1
        if code in (0, OPERATOR) and reply.tries < TRIES:
            self._again(reply)
            return
        self._found_at = self._loop.time()
        _remember(self._forged, queue, MOST_FORGED)
        self._give_up(reply, f"its reply queue ended connections ({verdict})")

    def _again(self, reply: UnprovenReply) -> None:
        self._lone.appendleft(reply)
        self._on_size(len(reply.message.body))

    def _give_up(self, reply: UnprovenReply, why: str) -> None:
        logger.error("no reply to %s: %s: %s", reply.id, why, reply.message.routing_key)
        if reply.tag is not None:
            self._on_done([reply.tag])


def _remember(names: dict[str, None], name: str, most: int) -> None:
    names[name] = None
    if len(names) > most:
        del names[next(iter(names))]
