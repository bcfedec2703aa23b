"""Publishing messages of one delivery at a time, if the broker did not take them together with others."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from leveret.amqp import AmqpError, Message, Refused, Unroutable
from leveret.worker.leave.parcel import Parcel
from leveret.worker.leave.refusing_queue import RefusingQueue
from leveret.worker.publishing import Publisher, is_not_taken

logger: Final = logging.getLogger("leveret.worker")


class OneByOne:
    """Publishes parcels alone, one after the other.

    A message that the broker does not take even alone is replaced by a shorter one. A message that its queue refuses,
    or whose queue is missing, waits and is tried again after growing pauses, and the parcels behind it go on.

    Args:
        publisher: publishes messages.
        write_shorter: replaces a message of a parcel by a shorter one.
        restore: declares missing queues.
        on_done: called with a parcel that is published.
        on_waiting: called with a parcel that has to wait for its queue.
        give_back: called with a parcel that waits when the worker stops.
        on_failure: called when nothing can be published any more.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        write_shorter: Callable[[Parcel, Message], None],
        restore: Callable[[], Awaitable[None]],
        on_done: Callable[[Parcel], None],
        on_waiting: Callable[[Parcel], None],
        give_back: Callable[[Parcel], None],
        on_failure: Callable[[AmqpError], None],
    ) -> None:
        self._publisher = publisher
        self._write_shorter = write_shorter
        self._restore = restore
        self._on_done = on_done
        self._on_waiting = on_waiting
        self._give_back = give_back
        self._on_failure = on_failure
        self._ready: deque[Parcel] = deque()
        self._refusing: dict[str, RefusingQueue[Parcel]] = {}
        self._running: asyncio.Task[None] | None = None
        self._stopping = False

    def publish(self, parcel: Parcel) -> None:
        """Publish a parcel when its turn comes."""
        self._ready.append(parcel)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._run())

    def wait(self, parcel: Parcel, queue: str, why: AmqpError) -> None:
        """Try a parcel again later, because a queue did not take its message."""
        self._on_waiting(parcel)
        if self._stopping:
            self._give_back(parcel)
            return
        refusing = self._refusing.get(queue)
        if refusing is None:
            refusing = self._refusing[queue] = RefusingQueue(queue, self.publish)
        refusing.add(parcel, why)

    def stop_waiting(self) -> None:
        """Give back the parcels that wait for a queue, and from now on each one that would have to wait."""
        self._stopping = True
        for parcel in self._forget_refusing():
            self._give_back(parcel)

    def end(self) -> None:
        """Publish nothing any more."""
        self._forget_refusing()
        self._ready.clear()
        if self._running is not None:
            self._running.cancel()

    def _forget_refusing(self) -> list[Parcel]:
        waiting = [parcel for refusing in self._refusing.values() for parcel in refusing.end()]
        self._refusing.clear()
        return waiting

    async def _run(self) -> None:
        try:
            while self._ready:
                await self._publish(self._ready.popleft())
        finally:
            self._running = None

    async def _publish(self, parcel: Parcel) -> None:
        while parcel.messages:
            message = parcel.messages[0]
            verdict = await self._publisher.publish_alone(message)
            if is_not_taken(verdict) and not (message.mandatory and parcel.shortened):
                self._write_shorter(parcel, message)
            elif verdict is None or (isinstance(verdict, Refused) and not message.mandatory):
                self._taken(parcel, message)
            elif isinstance(verdict, Refused | Unroutable) or is_not_taken(verdict):
                await self._not_now(parcel, message.routing_key, verdict)
                return
            else:
                self._on_failure(verdict)
                return
        self._on_done(parcel)

    def _taken(self, parcel: Parcel, message: Message) -> None:
        parcel.messages.pop(0)
        refusing = self._refusing.get(message.routing_key)
        if refusing is not None and refusing.took(parcel):
            del self._refusing[message.routing_key]

    async def _not_now(self, parcel: Parcel, queue: str, why: AmqpError) -> None:
        if isinstance(why, Unroutable):
            await self._restore()
        self.wait(parcel, queue, why)
