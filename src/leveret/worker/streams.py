"""What a worker does with streams: it copies its letters, and reports; on a connection of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from leveret.amqp import AmqpError, AmqpTimeout, AnyChannel, AnyConnection, ConnectFailed, Message
from leveret.broker.declaring import DeclaredStreams, declare_streams
from leveret.process.backoff import Backoff, Pauses
from leveret.topology import Topology
from leveret.wire.messages import first_copy, status_message
from leveret.worker.leave.waiting_copies import WaitingCopies

logger: Final = logging.getLogger("leveret.worker")

PAUSES: Final = Backoff(first=0.5, most=60.0)
"""Pauses between two tries of what failed."""

PASSING_TRIES: Final = 4
"""How often something is tried before it is told. A node that has just started answers before its streams do."""


class WorkerStreams:
    """Copies letters into their stream and publishes reports; nothing waits for it, and nothing depends on it.

    Some troubles of streams end the connection on which they show, so they have a connection of their own. What fails
    is tried again after growing pauses, and each trouble is logged once. A letter whose copy is left out is in the
    queue of dead letters all the same, and the index of letters says that it lacks it.

    Args:
        topology: names at the broker; it has streams.
        connect: opens a connection.
        pauses: pauses between two tries of what failed.
        patience: seconds that a worker that stops waits for its last copies.
    """

    def __init__(
        self,
        topology: Topology,
        connect: Callable[[], Awaitable[AnyConnection]],
        *,
        pauses: Backoff = PAUSES,
        patience: float = 2.0,
    ) -> None:
        self._topology = topology
        self._connect = connect
        self._pauses = pauses
        self._patience = patience
        self._copies = WaitingCopies()
        self._reports: deque[Message] = deque(maxlen=1)
        self._ready: set[str] = set()
        self._said: dict[str, set[str]] = {}
        self._begun, self._woken, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._copying = True
        self._running: asyncio.Task[None] | None = None

    def begin(self, trouble: str = "") -> None:
        """Declare the streams, because a session begins.

        Args:
            trouble: what is wrong with the way to the streams; it is logged.
        """
        self._say("way", [trouble] if trouble else [])
        self._begun.set()
        self._woken.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    def copy(self, letters: Sequence[Message]) -> None:
        """Publish copies of letters that are in their queue."""
        if self._copying:
            self._copies.add([first_copy(letter, self._topology.letters_stream) for letter in letters])
            self._idle.clear()
            self._woken.set()

    def report(self, body: bytes) -> None:
        """Publish a report; an older one that still waits is dropped."""
        self._reports.append(status_message(body, self._topology.status_stream))
        self._idle.clear()
        self._woken.set()

    async def close(self) -> None:
        """Publish what waits, if that takes no longer than a moment, and close the connection."""
        if self._running is None:
            return
        if self._copies or self._reports:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), self._patience)
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        pauses, failures = Pauses(self._pauses), 0
        while True:
            try:
                connection = await self._connect()
                try:
                    await self._serve(connection, pauses)
                finally:
                    await connection.close()
            except AmqpError as error:
                failures = 0 if self._ready else failures + 1
                self._note(error, failures)
            self._ready.clear()
            await asyncio.sleep(pauses.next())

    def _note(self, error: AmqpError, failures: int) -> None:
        """Note why the connection is over; only one that lasts, or that affects letters, is worth a line."""
        if self._copies and not isinstance(error, AmqpTimeout | ConnectFailed):
            self._copies.failed()
        text = f"dead letters cannot be copied into {self._topology.letters_stream} at present: {error}"
        if failures > PASSING_TRIES:
            self._say("connection", [text])
        else:
            logger.debug("%s", text)

    async def _serve(self, connection: AnyConnection, pauses: Pauses) -> None:
        """Declare the streams and publish what comes, until something fails.

        Raises:
            AmqpError: the connection was lost, or something was not taken.
        """
        confirmed, plain = await connection.channel(confirms=True), await connection.channel()
        connection.closed.add_done_callback(lambda _: self._woken.set())
        now, again, tries = asyncio.get_running_loop().time, 0.0, 0
        while True:
            self._woken.clear()
            confirmed.check()
            if self._begun.is_set() or (self._lacks_streams and now() >= again):
                self._begun.clear()
                tries += 1
                self._take(await declare_streams(connection, self._topology), tries)
                again = now() + pauses.next()
            if self._topology.status_stream in self._ready and self._reports and not connection.blocked:
                plain.publish_batch([self._reports.pop()])
            if self._topology.letters_stream in self._ready:
                await self._publish(connection, confirmed)
            if not self._lacks_streams:
                pauses.reset()
            if not (self._copies or self._reports):
                self._idle.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(again - now(), 0.0) if self._lacks_streams else None)

    @property
    def _lacks_streams(self) -> bool:
        return len(self._ready) < len(self._topology.streams)

    def _take(self, declared: DeclaredStreams, tries: int) -> None:
        """Note which streams can be used; what time alone may mend is not yet told."""
        self._ready.clear()
        self._ready.update(declared.ready)
        if declared.passing and tries < PASSING_TRIES:
            return
        self._say("streams", declared.troubles)
        self._copying = self._topology.letters_stream in declared.ready
        if not self._copying:
            self._copies.leave_out()

    async def _publish(self, connection: AnyConnection, channel: AnyChannel) -> None:
        """Publish the copies that wait.

        Raises:
            AmqpError: the first one was not taken, or nobody knows.
        """
        while self._copies:
            copies = self._copies.next()
            await connection.writable()
            verdicts = await channel.publish_batch(copies)
            taken = next((at for at, verdict in enumerate(verdicts) if verdict is not None), len(copies))
            self._copies.done(taken)
            if taken < len(copies):
                raise verdicts[taken] or AmqpError("")

    def _say(self, about: str, troubles: Sequence[str]) -> None:
        """Log each trouble once, and again only when it was gone meanwhile."""
        before = self._said.get(about, set())
        for trouble in troubles:
            if trouble not in before:
                logger.warning("%s", trouble)
        self._said[about] = set(troubles)
