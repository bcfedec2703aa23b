"""The deliveries in hand, and how they are acked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from leveret.amqp import Channel
from leveret.worker.leave.unconfirmed import call_soon


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
        self._on_acked: dict[int, list[Callable[[], None]]] = {}
        self._on_released: dict[int, list[Callable[[], None]]] = {}
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
        settled = self._forget(tags, done=True)
        for tag, multiple in merge_acks(tags, next(iter(self._tags), None)):
            self._channel.ack(tag, multiple=multiple)
        call_soon(settled)

    def put_back(self, tags: Iterable[int]) -> None:
        """Return deliveries to their queue."""
        tags = list(tags)
        released = self._forget(tags, done=False)
        for tag in tags:
            self._channel.nack(tag, requeue=True)
        call_soon(released)

    def when_acked(self, tag: int, callback: Callable[[], None]) -> None:
        """Have a function called when a delivery that is in hand is acked: the broker is told so before.

        Not when it goes back to its queue: what was to be done is still to be done then.
        """
        self._on_acked.setdefault(tag, []).append(callback)

    def when_released(self, tag: int, callback: Callable[[], None]) -> None:
        """Have a function called when a delivery is acked, put back, or waits so long that nobody is to wait for it."""
        self._on_released.setdefault(tag, []).append(callback)

    def release(self, tag: int) -> None:
        """Say that nobody is to wait for a delivery, which stays in hand."""
        call_soon(self._on_released.pop(tag, ()))

    async def empty(self) -> None:
        """Wait until every delivery is settled."""
        if self._tags:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _forget(self, tags: Iterable[int], *, done: bool) -> list[Callable[[], None]]:
        """Have them in hand no more; returns what is to be called when the broker has been told."""
        callbacks: list[Callable[[], None]] = []
        for tag in tags:
            self._tags.pop(tag, None)
            acked = self._on_acked.pop(tag, ())
            if done:
                callbacks += acked
            if self._on_released:
                callbacks += self._on_released.pop(tag, ())
        if not self._tags:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()
        return callbacks


def merge_acks(tags: Sequence[int], oldest_left: int | None) -> list[tuple[int, bool]]:
    """Say which tags to ack, and which of them with all before it (AMQP 0-9-1, section 1.8.3.13).

    Args:
        tags: deliveries that are done.
        oldest_left: the oldest delivery still in hand; None when there is none.
    """
    before = [tag for tag in tags if oldest_left is None or tag < oldest_left]
    merged = [(max(before), len(before) > 1)] if before else []
    return merged + [(tag, False) for tag in tags if oldest_left is not None and tag > oldest_left]
