"""The result of each published message: confirmed, refused, returned, or unknown.

A broker confirms by number (RabbitMQ docs "Consumer Acknowledgements and Publisher Confirms"), in any order, one by one
or many at once. A mandatory message that no queue takes comes back before its confirm.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter

from leveret.amqp.errors import AmqpError, AmqpTimeout, ProtocolError, Refused, Unroutable
from leveret.amqp.message import Confirmation, Message, ReturnedMessage

Verdicts = list[AmqpError | None]


class _Batch:
    """Messages that were published together and share one future. They have the numbers from `first` to `end - 1`.

    Most confirms come in order: all numbers before `low` have a verdict, and so do those in `early`.
    """

    __slots__ = ("deadline", "early", "end", "first", "future", "low", "messages", "verdicts")

    def __init__(
        self, first: int, messages: Sequence[Message], future: asyncio.Future[Verdicts], deadline: float
    ) -> None:
        self.first, self.messages, self.future, self.deadline = first, messages, future, deadline
        self.low, self.end = first, first + len(messages)
        self.early: set[int] = set()
        self.verdicts: Verdicts = [None] * len(messages)

    def is_open(self, number: int) -> bool:
        """Whether that number has no verdict yet."""
        return number >= self.low and number not in self.early

    def settle(self, number: int, *, accepted: bool) -> None:
        """Note the verdict on one open number."""
        if not accepted:
            self._refuse(number)
        if number == self.low:
            self._settled_to(number + 1)
        else:
            self.early.add(number)

    def settle_to(self, end: int, *, accepted: bool) -> None:
        """Note the verdict on all open numbers before `end`."""
        if not accepted:
            for number in range(self.low, end):
                if number not in self.early:
                    self._refuse(number)
        if end > self.low:
            if self.early:
                self.early = {number for number in self.early if number >= end}
            self._settled_to(end)

    def _settled_to(self, low: int) -> None:
        while low in self.early:
            self.early.remove(low)
            low += 1
        self.low = low

    def _refuse(self, number: int) -> None:
        message = self.messages[number - self.first]
        self.verdicts[number - self.first] = Refused(message.exchange, message.routing_key)

    def finish(self) -> None:
        """Give the verdicts to the future, and free the messages."""
        self.messages = ()
        if not self.future.done():
            self.future.set_result(self.verdicts)

    def give_up(self, error: AmqpError) -> None:
        """Give the known verdicts to the future, and `error` for each unknown one."""
        if not self.future.done():
            numbers = range(self.first, self.end)
            verdicts = zip(self.verdicts, numbers, strict=True)
            self.future.set_result(
                [verdict or (error.fresh() if self.is_open(number) else None) for verdict, number in verdicts]
            )


_first = attrgetter("first")


class Confirms:
    """The published messages of one channel that the broker has not confirmed yet. Numbers count from 1.

    Every future that it returns ends: with the last verdict, at the limit, or when the channel ends.

    Args:
        limit: Seconds to wait for a confirm.
        why_slow: Returns what is added to the text of a timeout.

    Attributes:
        next: The number of the next message.
    """

    def __init__(self, limit: float, why_slow: Callable[[], str] = str) -> None:
        self._limit = limit
        self._why_slow = why_slow
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._batches: deque[_Batch] = deque()  # those with an open number, oldest first
        self._waiting: deque[_Batch] = deque()  # those whose limit has not passed, oldest first
        self.next = 1

    def open(self, messages: Sequence[Message]) -> asyncio.Future[Verdicts]:
        """Note messages that are published now, numbered from `next` on; return the future of their verdicts."""
        future: asyncio.Future[Verdicts] = self._loop.create_future()
        batch = _Batch(self.next, messages, future, self._loop.time() + self._limit)
        if not messages:
            future.set_result([])
            return future
        self.next = batch.end
        self._batches.append(batch)
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
        self._waiting.append(batch)
        if self._timer is None:
            self._timer = self._loop.call_at(batch.deadline, self._expire)
        return future

    def settle(self, event: Confirmation) -> None:
        """Note the broker's verdict on one message or on several.

        With `multiple` the verdict is on all up to that number; 0 means all messages.

        Raises:
            ProtocolError: No message has that number.
        """
        last = event.delivery_tag
        if last >= self.next or not (last or event.multiple):
            raise ProtocolError(f"a confirm of publish {last}, but {self.next - 1} were made", 503)
        if event.multiple:
            self._settle_to((last or self.next - 1) + 1, accepted=event.accepted)
        elif event.accepted:
            self._accept(event.first or last, last)
        else:
            self._settle_one(last, accepted=False)

    def _accept(self, number: int, last: int) -> None:
        """Note that messages are accepted; nearly always they are the next ones of the oldest batch."""
        while number <= last:
            oldest = self._batches[0] if self._batches else None
            if oldest is None or oldest.low != number or oldest.early:
                self._settle_one(number, accepted=True)
                number += 1
                continue
            number = oldest.low = min(last + 1, oldest.end)
            if number == oldest.end:
                self._batches.popleft()
                oldest.finish()

    def _settle_one(self, number: int, *, accepted: bool) -> None:
        batch = self._find(number)
        if batch is None or not batch.is_open(number):
            return
        batch.settle(number, accepted=accepted)
        if batch.low == batch.end:
            self._batches.remove(batch)
            batch.finish()

    def _settle_to(self, end: int, *, accepted: bool) -> None:
        """Note the verdict on all open numbers before `end`: on whole batches, and on a part of the last one."""
        batches = self._batches
        while batches and (batch := batches[0]).first < end:
            batch.settle_to(min(end, batch.end), accepted=accepted)
            if batch.low < batch.end:
                return
            batches.popleft()
            batch.finish()

    def _find(self, number: int) -> _Batch | None:
        """Return the batch with that number, or None when the batch has all its verdicts."""
        place = bisect_right(self._batches, number, key=_first) - 1
        if place < 0 or number >= self._batches[place].end:
            return None
        return self._batches[place]

    def returned(self, event: ReturnedMessage) -> bool:
        """Note that a message came back; its confirm follows. Return False when no such message is open."""
        number = event.sequence
        batch = self._find(number)
        if batch is None or not batch.is_open(number):
            return False
        batch.verdicts[number - batch.first] = Unroutable(
            event.reply_code, event.text, event.exchange, event.routing_key
        )
        return True

    def end(self, error: AmqpError) -> None:
        """End every future, because the channel or the connection has ended: open messages get the error."""
        self._batches.clear()
        if self._timer:
            self._timer.cancel()
        while self._waiting:
            self._waiting.popleft().give_up(error)

    def _expire(self) -> None:
        """End the futures whose limit has passed; their numbers stay open, because a confirm may still come."""
        self._timer = None
        now = self._loop.time()
        while self._waiting and (self._waiting[0].future.done() or self._waiting[0].deadline <= now):
            self._waiting.popleft().give_up(AmqpTimeout(f"a publish{self._why_slow()}", self._limit))
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0].deadline, self._expire)
