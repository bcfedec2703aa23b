"""Which batches of messages the broker has still to confirm, and who waits for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable


def call_soon(callbacks: Iterable[Callable[[], None]]) -> None:
    """Call them when what was written in this turn of the loop has gone to the socket: that was scheduled before."""
    for callback in callbacks:
        asyncio.get_running_loop().call_soon(callback)


class Unconfirmed:
    """The batches of messages whose confirm is awaited, and who waits for them."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, int] = {}  # how many deliveries of each batch are waited for
        self._waiting: list[tuple[int, Callable[[], None]]] = []

    def add(self) -> int:
        """Remember a batch that was published; returns its number."""
        self._last += 1
        self._open[self._last] = 1
        return self._last

    def split(self, batch: int, deliveries: int) -> None:
        """Wait for each of so many deliveries of a batch: they are published again one by one."""
        self._open[batch] += deliveries

    def settled(self, batch: int) -> None:
        """Forget a batch, or one of its deliveries: it is confirmed and acked, or waited for no longer."""
        self._open[batch] -= 1
        if self._open[batch]:
            return
        del self._open[batch]
        if self._waiting:
            oldest = next(iter(self._open), self._last + 1)
            call_soon([callback for last, callback in self._waiting if last < oldest])
            self._waiting = [(last, callback) for last, callback in self._waiting if last >= oldest]

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Have a function called when all batches until now are settled, and the broker was told so."""
        if self._open:
            self._waiting.append((self._last, callback))
        else:
            call_soon([callback])
