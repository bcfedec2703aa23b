"""Carrying outcomes out: publish what an outcome says, and ack when the broker has confirmed it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from warren.amqp import AmqpError, Channel, Message, Refused
from warren.masking import printable
from warren.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from warren.serving.intake import Declined, Work
from warren.serving.outbox import Outbox

logger: Final = logging.getLogger("warren.worker")

_INTERNAL_ERROR: Final = 541
"""AMQP 0-9-1, section 1.1: the broker failed; over a reply queue's name, it may be."""

Settlement = tuple[Work | Declined, Outcome]


class Unsettled:
    """The deliveries of one channel that are not acked yet; merges acks where it can.

    Args:
        channel: the channel on which they came (a delivery tag belongs to its channel: AMQP 0-9-1, section 1.1).

    Attributes:
        taken: how many deliveries there have been so far.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tags: dict[int, None] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._on_settled: dict[int, list[Callable[[], None]]] = {}
        self.taken = 0

    def __len__(self) -> int:
        return len(self._tags)

    def move(self, channel: Channel) -> None:
        """Deliveries come on another channel from now on; nothing may be in hand."""
        self._channel = channel

    def add(self, tag: int) -> None:
        """Remember a delivery."""
        self._tags[tag] = None
        self.taken += 1

    def ack(self, tags: Sequence[int]) -> None:
        """Ack deliveries, with as few frames as those still in hand allow."""
        settled = self._forget(tags)
        for tag, multiple in merge_acks(tags, next(iter(self._tags), None)):
            self._channel.ack(tag, multiple=multiple)
        _call_soon(settled)

    def put_back(self, tags: Iterable[int]) -> None:
        """Return deliveries to their queue."""
        tags = list(tags)
        settled = self._forget(tags)
        for tag in tags:
            self._channel.nack(tag, requeue=True)
        _call_soon(settled)

    def when_settled(self, tag: int, callback: Callable[[], None]) -> None:
        """Have a function called when a delivery that is in hand is settled: the broker is told so before."""
        self._on_settled.setdefault(tag, []).append(callback)

    async def empty(self) -> None:
        """Wait until every delivery is settled."""
        if self._tags:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _forget(self, tags: Iterable[int]) -> list[Callable[[], None]]:
        """Have them in hand no more; returns what is to be called when the broker has been told."""
        callbacks: list[Callable[[], None]] = []
        for tag in tags:
            self._tags.pop(tag, None)
            callbacks += self._on_settled.pop(tag, ())
        if not self._tags:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()
        return callbacks


def _call_soon(callbacks: Iterable[Callable[[], None]]) -> None:
    """Call them when what was written in this turn of the loop has gone to the socket: that was scheduled before."""
    for callback in callbacks:
        asyncio.get_running_loop().call_soon(callback)


def merge_acks(tags: Sequence[int], oldest_left: int | None) -> list[tuple[int, bool]]:
    """Say which tags to ack, and which of them with all before it (AMQP 0-9-1, section 1.8.3.13).

    Args:
        tags: deliveries that are done.
        oldest_left: the oldest delivery still in hand; None when there is none.
    """
    before = [tag for tag in tags if oldest_left is None or tag < oldest_left]
    merged = [(max(before), len(before) > 1)] if before else []
    return merged + [(tag, False) for tag in tags if oldest_left is not None and tag > oldest_left]


class Unconfirmed:
    """The batches of messages whose confirm is awaited, and who waits for them."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, None] = {}
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def add(self) -> int:
        """Remember a batch that was published; returns its number."""
        self._last += 1
        self._open[self._last] = None
        return self._last

    def settled(self, batch: int) -> None:
        """Forget a batch: it is confirmed, and its deliveries are acked."""
        del self._open[batch]
        if self._waiting:
            oldest = next(iter(self._open), self._last + 1)
            _call_soon([callback for last, callback in self._waiting if last < oldest])
            self._waiting = [(last, callback) for last, callback in self._waiting if last >= oldest]

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Have a function called when all batches until now are settled, and the broker was told so."""
        if self._open:
            self._waiting.append((self._last, callback))
        else:
            _call_soon([callback])


class Settler:
    """Settles the deliveries of one session.

    Args:
        unsettled: the deliveries in hand.
        publisher: a channel with confirms, on a connection of its own.
        outbox: writes the messages.
        on_failure: told when a message could not be published for certain: the session has to end, so that the broker
            delivers again what is not acked.

    Attributes:
        concluded: how many deliveries have come to an outcome so far.
    """

    def __init__(
        self, unsettled: Unsettled, publisher: Channel, outbox: Outbox, on_failure: Callable[[AmqpError], None]
    ) -> None:
        self._unsettled = unsettled
        self._publisher = publisher
        self._outbox = outbox
        self._on_failure = on_failure
        self._put_back: list[int] | None = None
        self._unconfirmed = Unconfirmed()
        self.concluded = 0

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Have a function called when all that was published so far is confirmed, acked, and the broker told so."""
        self._unconfirmed.when_settled(callback)

    def hold_put_backs(self) -> None:
        """Keep what has to go back until ``release_put_backs``: a queue that is consumed would deliver it at once."""
        self._put_back = []

    def release_put_backs(self) -> None:
        """Return to the queue what was kept, and from now on at once."""
        held, self._put_back = self._put_back or [], None
        self._unsettled.put_back(held)

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Carry out the outcomes of a batch; their replies are published together and their acks merged."""
        self.concluded += len(settlements)
        messages: list[Message] = []
        silent: list[int] = []
        answered: list[int] = []
        moved: list[Settlement] = []
        told = logger.isEnabledFor(logging.INFO)
        for item, outcome in settlements:
            if isinstance(outcome, PutBack):
                self._return(item, outcome)
                continue
            written = self._outbox.messages(item, outcome)
            messages += written
            (answered if written else silent).append(item.delivery.delivery_tag)
            if isinstance(outcome, Answer):
                if told:
                    _log(item, outcome)
            else:
                moved.append((item, outcome))
        try:
            if silent:
                self._unsettled.ack(silent)
            if messages:
                confirmed = self._publisher.publish_batch(messages)
                batch = self._unconfirmed.add()
                confirmed.add_done_callback(
                    lambda done: self._confirmed(done.result(), messages, answered, moved, batch)
                )
        except AmqpError as error:
            self._on_failure(error)

    def _return(self, item: Work | Declined, outcome: PutBack) -> None:
        _log(item, outcome)
        if self._put_back is None:
            self._unsettled.put_back([item.delivery.delivery_tag])
        else:
            self._put_back.append(item.delivery.delivery_tag)

    def _confirmed(
        self,
        verdicts: Sequence[AmqpError | None],
        messages: Sequence[Message],
        tags: Sequence[int],
        moved: Sequence[Settlement],
        batch: int,
    ) -> None:
        for message, verdict in zip(messages, verdicts, strict=True):
            if verdict is None:
                continue
            if isinstance(verdict, Refused) and not message.mandatory:
                logger.warning("reply refused by its queue: %s", printable(message.properties.correlation_id or "?"))
                continue
            if getattr(verdict, "reply_code", 0) == _INTERNAL_ERROR:
                self._outbox.suspects.add(_reply_queues(messages, verdicts))
            self._on_failure(verdict)
            return
        for item, outcome in moved:
            _log(item, outcome)
        try:
            self._unsettled.ack(tags)
        except AmqpError as error:
            self._on_failure(error)
        else:
            self._unconfirmed.settled(batch)


def _reply_queues(messages: Sequence[Message], verdicts: Sequence[AmqpError | None]) -> set[str]:
    """The queues of the replies that were not confirmed."""
    under_way = zip(messages, verdicts, strict=True)
    return {message.routing_key for message, verdict in under_way if verdict and not message.mandatory}


def _log(item: Work | Declined, outcome: Outcome) -> None:
    request_id, name = (item.request.id, item.request.name) if isinstance(item, Work) else (item.id or "?", item.name)
    extra = {"request_id": request_id, "action": name}
    match outcome:
        case Answer(replayed=True):
            logger.info("idem-replay: %s %s", request_id, name, extra=extra)
        case Answer(code=None):
            logger.info("ok: %s %s", request_id, name, extra=extra)
        case Answer(code=code):
            logger.info("refused: %s %s code=%s", request_id, name, code, extra=extra)
        case Retry(number=number, reason=reason):
            logger.warning("retry #%d for %s because %s", number, request_id, reason, extra=extra)
        case DeadLetter(reason=reason):
            logger.error("dead-lettered: %s err=%s", request_id, reason, extra=extra)
        case PutBack(reason=reason):
            logger.info("put back: %s %s because %s", request_id, name, reason, extra=extra)
