"""The deliveries in hand: which of them are published and not confirmed, which are held, and how they are acked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final

from leveret.amqp import AnyChannel

_IN_NO_BATCH: Final = 0


class InHand:
    """The deliveries of one session, from their arrival to their ack; acks are merged if that is possible.

    A delivery is *published* from the moment when its messages go to the broker, together with those of others (a
    batch), until it is acked, put back, or *held*. It is held while a queue refuses its message; nobody waits for it
    then. Whoever waits for a delivery learns of its ack after the ack has gone to the socket.

    Args:
        channel: the channel on which they come (a delivery tag belongs to its channel: AMQP 0-9-1, section 1.1).
        on_held: called when a delivery is held, and when a held delivery is no longer in hand.

    Attributes:
        taken: how many deliveries have come so far.
    """

    def __init__(self, channel: AnyChannel, on_held: Callable[[], None] = lambda: None) -> None:
        self._channel = channel
        self._tell_held = on_held
        self._batch_of: dict[int, int] = {}  # for each delivery in hand, in the order in which they came
        self._published: dict[int, int] = {}  # how many deliveries each batch still has, in the order of publishing
        self._numbers = count(_IN_NO_BATCH + 1)
        self._on_settled: list[tuple[int, asyncio.Future[None]]] = []
        self._on_released: dict[int, list[asyncio.Future[None]]] = {}
        self._on_acked: dict[int, list[Callable[[], None]]] = {}
        self._on_empty: list[asyncio.Future[None]] = []
        self._held: dict[int, int] = {}  # the size of each delivery that is held
        self._of_earlier_consumers: set[int] = set()
        self._kept: list[int] | None = None
        self.taken = 0

    def __len__(self) -> int:
        return len(self._batch_of)

    @property
    def held(self) -> int:
        """How many deliveries are held until a queue takes their message."""
        return len(self._held)

    @property
    def held_bytes(self) -> int:
        """The bytes of the held deliveries' bodies."""
        return sum(self._held.values())

    @property
    def held_of_this_consumer(self) -> int:
        """How many held deliveries came to the present consumer; others do not count towards its prefetch."""
        return len(self._held.keys() - self._of_earlier_consumers)

    def move(self, channel: AnyChannel) -> None:
        """Take deliveries from another channel from now on; nothing may be in hand."""
        self._channel = channel

    def begin_consumer(self) -> None:
        """Take deliveries of a new consumer from now on."""
        self._of_earlier_consumers.update(self._batch_of)

    def add(self, tag: int) -> None:
        """Remember a delivery."""
        self._batch_of[tag] = _IN_NO_BATCH
        self.taken += 1

    def publish(self, tags: Sequence[int]) -> None:
        """Remember that the messages of these deliveries have been published together, and have to be confirmed."""
        batch = next(self._numbers)
        self._published[batch] = len(tags)
        for tag in tags:
            self._batch_of[tag] = batch

    def ack(self, tags: Sequence[int]) -> None:
        """Ack deliveries, with as few frames as those still in hand allow.

        Raises:
            AmqpError: the channel has ended; the deliveries will come again.
        """
        self._forget(tags)
        for tag, multiple in merge_acks(tags, next(iter(self._batch_of), None)):
            self._channel.ack(tag, multiple=multiple)
        loop = asyncio.get_running_loop()
        for tag in tags if self._on_acked else ():
            for callback in self._on_acked.pop(tag, ()):
                loop.call_soon(callback)
        self._tell(tags)

    def put_back(self, tags: Iterable[int]) -> None:
        """Return deliveries to their queue.

        While put-backs are kept, the deliveries stay in hand.

        Raises:
            AmqpError: the channel has ended; the deliveries will come again.
        """
        if self._kept is not None:
            self._kept += tags
            return
        tags = list(tags)
        self._forget(tags)
        for tag in tags:
            self._channel.nack(tag, requeue=True)
            self._on_acked.pop(tag, None)
        self._tell(tags)

    def keep_put_backs(self) -> None:
        """Keep put-backs in hand until ``return_kept``: a queue that is consumed would deliver them again at once."""
        self._kept = []

    def return_kept(self) -> None:
        """Put back the deliveries that were kept, and from now on put back at once.

        Raises:
            AmqpError: the channel has ended; the deliveries will come again.
        """
        kept, self._kept = self._kept or [], None
        self.put_back(kept)

    def hold(self, tag: int, size: int) -> None:
        """Hold a delivery in hand because a queue refuses its message; nobody waits for it.

        Args:
            tag: the delivery.
            size: bytes of its body.
        """
        self._leave_batch(tag)
        self._batch_of[tag] = _IN_NO_BATCH
        if tag not in self._held:
            self._held[tag] = size
            self._tell_held()
        self._tell([tag])

    def settled(self) -> asyncio.Future[None]:
        """Return a future that is done when all deliveries published so far are acked, put back, or held."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._published:
            self._on_settled.append((next(reversed(self._published)), future))
        else:
            future.set_result(None)
        return future

    def released(self, tag: int) -> asyncio.Future[None]:
        """Return a future that is done when a delivery that is in hand is acked, put back, or held."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_released.setdefault(tag, []).append(future)
        return future

    def when_released(self, tag: int, callback: Callable[[int], None]) -> None:
        """Call a function with the tag of a delivery in hand when the delivery is acked, put back, or held."""
        self.released(tag).add_done_callback(lambda _: callback(tag))

    async def empty(self) -> None:
        """Wait until every delivery is acked or put back."""
        if self._batch_of:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._on_empty.append(future)
            await future

    def when_acked(self, tag: int, callback: Callable[[], None]) -> None:
        """Call a function when a delivery that is in hand is acked.

        It is not called when the delivery is put back.
        """
        self._on_acked.setdefault(tag, []).append(callback)

    def _forget(self, tags: Sequence[int]) -> None:
        for tag in tags:
            self._leave_batch(tag)
            self._batch_of.pop(tag, None)
        if self._of_earlier_consumers:
            self._of_earlier_consumers.difference_update(tags)
        if self._held:
            self._stop_holding(tags)

    def _stop_holding(self, tags: Sequence[int]) -> None:
        before = len(self._held)
        for tag in tags:
            self._held.pop(tag, None)
        if len(self._held) != before:
            self._tell_held()

    def _leave_batch(self, tag: int) -> None:
        batch = self._batch_of.get(tag, _IN_NO_BATCH)
        if batch != _IN_NO_BATCH:
            self._published[batch] -= 1
            if not self._published[batch]:
                del self._published[batch]

    def _tell(self, tags: Sequence[int]) -> None:
        """Wake the waiters; they go on after what was written in this iteration of the loop has gone out."""
        if self._on_released:
            _finish(future for tag in tags for future in self._on_released.pop(tag, ()))
        if self._on_settled:
            oldest = next(iter(self._published), None)
            _finish(future for last, future in self._on_settled if oldest is None or last < oldest)
            self._on_settled[:] = [waiting for waiting in self._on_settled if not waiting[1].done()]
        if self._on_empty and not self._batch_of:
            _finish(self._on_empty)
            self._on_empty.clear()


def _finish(futures: Iterable[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def merge_acks(tags: Sequence[int], oldest_left: int | None) -> list[tuple[int, bool]]:
    """Decide which tags to ack, and which ack also covers all deliveries before it (AMQP 0-9-1, section 1.8.3.13).

    Args:
        tags: deliveries that are done.
        oldest_left: the oldest delivery still in hand; None when there is none.

    Returns:
        Each tag to ack, and whether the ack is also for all deliveries before it.
    """
    before = [tag for tag in tags if oldest_left is None or tag < oldest_left]
    merged = [(max(before), len(before) > 1)] if before else []
    return merged + [(tag, False) for tag in tags if oldest_left is not None and tag > oldest_left]
