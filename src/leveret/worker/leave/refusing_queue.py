"""A retry queue or dead-letter queue that does not take messages at present, and what waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from leveret.amqp import AmqpError
from leveret.process.backoff import Backoff, Pauses

logger: Final = logging.getLogger("leveret.worker")

PAUSES: Final = Backoff(first=0.5, most=30.0)
"""Seconds between two tries."""

REMINDER: Final = 300.0
"""Seconds between two log lines about one queue."""

P = TypeVar("P")


class RefusingQueue(Generic[P]):
    """Tries one waiting item after growing pauses; when the queue takes it, the next one is tried at once.

    Args:
        queue: its name, for the log.
        on_due: called with the item to try again; afterwards ``took`` or ``add`` is called with it.
        pauses: in seconds.
    """

    def __init__(self, queue: str, on_due: Callable[[P], None], pauses: Backoff = PAUSES) -> None:
        self._queue = queue
        self._on_due = on_due
        self._pauses = Pauses(pauses)
        self._loop = asyncio.get_running_loop()
        self._since = datetime.now(UTC)
        self._began = self._loop.time()
        self._told: float | None = None
        self._waiting: deque[P] = deque()
        self._trying: P | None = None
        self._timer: asyncio.TimerHandle | None = None

    def add(self, waiting: P, why: AmqpError) -> None:
        """Add an item that the queue has just refused."""
        if waiting is self._trying:
            self._trying = None
            self._waiting.appendleft(waiting)
        else:
            self._waiting.append(waiting)
        self._tell(why)
        if self._timer is None and self._trying is None:
            self._timer = self._loop.call_later(self._pauses.next(), self._try)

    def took(self, taken: P) -> bool:
        """Note that the queue has taken an item; return whether no item is left."""
        self._pauses.reset()
        if taken is self._trying:
            self._trying = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = self._loop.call_later(0, self._try)
            return False
        if self._trying is None:
            seconds = self._loop.time() - self._began
            logger.warning("%s takes messages again, after %.0f s", self._queue, seconds)
        return self._trying is None

    def end(self) -> list[P]:
        """Stop trying, and return the items that wait."""
        if self._timer is not None:
            self._timer.cancel()
        return list(self._waiting)

    def _try(self) -> None:
        self._timer = None
        if self._waiting and self._trying is None:
            self._trying = self._waiting.popleft()
            self._on_due(self._trying)

    def _tell(self, why: AmqpError) -> None:
        now = self._loop.time()
        if self._told is not None and now < self._told + REMINDER:
            return
        self._told = now
        logger.error(
            "%s has taken no messages since %s; requests in this worker wait for it (%d now), uncounted: %s. "
            "Make room in it, or change the policy that limits it",
            self._queue,
            self._since.isoformat(timespec="seconds").replace("+00:00", "Z"),
            len(self._waiting),
            why,
        )
