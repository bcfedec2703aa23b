"""What became of each published message: confirmed, refused, returned, or unknown.

A broker confirms by number (publisher confirms, RabbitMQ docs "Consumer Acknowledgements and Publisher Confirms"), in
any order, one by one or many at once; a mandatory message that no queue takes comes back before its confirm.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from warren.amqp.errors import AmqpError, AmqpTimeout, ProtocolError, Refused, Unroutable
from warren.amqp.message import Message, Returned, Settled

Verdicts = list[AmqpError | None]


class _Batch:
    """Messages that were published together and share one future."""

    __slots__ = ("deadline", "first", "future", "left", "messages", "open", "verdicts")

    def __init__(
        self, first: int, messages: Sequence[Message], future: asyncio.Future[Verdicts], deadline: float
    ) -> None:
        self.first, self.messages, self.future, self.deadline = first, messages, future, deadline
        self.left = len(messages)
        self.verdicts: Verdicts = [None] * self.left
        self.open = bytearray(b"\x01") * self.left


class Confirms:
    """The ledger of one channel's publishes; numbers count from 1.

    Every future that it hands out ends: with the last verdict, at the limit (seconds), or when the channel ends.
    `why_slow` may add to the text of a timeout.
    """

    def __init__(self, limit: float, why_slow: Callable[[], str] = str) -> None:
        self._limit = limit
        self._why_slow = why_slow
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._batches: dict[int, _Batch] = {}
        self._waiting: deque[_Batch] = deque()
        self.next = 1

    def open(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        """Note messages that are published now, under the numbers from `next` on."""
        future: asyncio.Future[Verdicts] = self._loop.create_future()
        batch = _Batch(self.next, messages, future, self._loop.time() + self._limit)
        self.next += batch.left
        for number in range(batch.first, self.next):
            self._batches[number] = batch
        if not batch.left:
            future.set_result([])
            return future
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
        self._waiting.append(batch)
        if self._timer is None:
            self._timer = self._loop.call_at(batch.deadline, self._expire)
        return future

    def settle(self, event: Settled) -> None:
        """Take the broker's verdict on one message, or on all up to it (0 with `multiple`: on all there are).

        Raises:
            ProtocolError: The number was never used.
        """
        last = event.delivery_tag
        if last >= self.next or not (last or event.multiple):
            raise ProtocolError(f"a confirm of publish {last}, but {self.next - 1} were made", 503)
        if not event.multiple:
            self._settle(last, event.accepted)
            return
        last = last or self.next - 1
        while (oldest := next(iter(self._batches), last + 1)) <= last:  # numbers grow, so the dictionary is in order
            self._settle(oldest, event.accepted)

    def _settle(self, number: int, accepted: bool) -> None:
        batch = self._batches.pop(number, None)
        if batch is None:
            return
        if not accepted:
            message = batch.messages[number - batch.first]
            batch.verdicts[number - batch.first] = Refused(message.exchange, message.routing_key)
        batch.open[number - batch.first] = 0
        batch.left -= 1
        if not batch.left and not batch.future.done():
            batch.future.set_result(batch.verdicts)
            batch.messages = ()

    def returned(self, event: Returned) -> bool:
        """Note that a message came back; its confirm still follows. False: no such publish waits."""
        batch = self._batches.get(event.sequence)
        if batch is None:
            return False
        error = Unroutable(event.reply_code, event.text, event.exchange, event.routing_key)
        batch.verdicts[event.sequence - batch.first] = error
        return True

    def end(self, error: AmqpError) -> None:
        """Settle all that waits as unknown: the channel or the connection is gone."""
        self._batches.clear()
        if self._timer:
            self._timer.cancel()
        while self._waiting:
            _give_up(self._waiting.popleft(), error)

    def _expire(self) -> None:
        """End the futures whose limit has passed; their numbers stay, for the confirm that may still come."""
        self._timer = None
        now = self._loop.time()
        while self._waiting and (self._waiting[0].future.done() or self._waiting[0].deadline <= now):
            _give_up(self._waiting.popleft(), AmqpTimeout(f"a publish{self._why_slow()}", self._limit))
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0].deadline, self._expire)


def _give_up(batch: _Batch, error: AmqpError) -> None:
    if not batch.future.done():
        verdicts = zip(batch.verdicts, batch.open, strict=True)
        batch.future.set_result([verdict or (error.fresh() if unsettled else None) for verdict, unsettled in verdicts])
