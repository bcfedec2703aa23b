"""Keeps a connection to a broker: opens it again after each loss, with growing pauses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from leveret.amqp.errors import AmqpError, AmqpTimeout, ConnectionLost
from leveret.process.backoff import Backoff

logger = logging.getLogger("leveret.amqp")


class Closable(Protocol):
    """What a `Reconnector` keeps open: a connection, or an object that owns one with its channels and consumers."""

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when it has ended, with the error that ended it."""

    async def close(self) -> None:
        """End it; a broker that is gone is not an error."""


C = TypeVar("C", bound=Closable)


class Reconnector(Generic[C]):
    """Keeps one connection open while `run` runs.

    A connection that ends before the longest pause would be over does not reset the pauses to the shortest one.

    Args:
        connect: Called again after each loss. It makes everything that belongs to the connection: channels, topology,
            prefetch, consumers. So all of it exists again after a loss, exactly as the code says. When it fails it
            must drop what it has opened (`Connection.abort`).
        backoff: The pauses between attempts.
        on_change: Called with each new connection, and with the error of each loss and each failed attempt.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        *,
        backoff: Backoff | None = None,
        on_change: Callable[[C | AmqpError], None] | None = None,
    ) -> None:
        self._connect = connect
        self._backoff = backoff or Backoff()
        self._on_change = on_change
        self._current: C | None = None
        self._error: AmqpError | None = None
        self._over = False
        self._changed = asyncio.Event()

    @property
    def current(self) -> C | None:
        """The connection that is open now, or None."""
        return None if self._current is None or self._current.closed.done() else self._current

    async def run(self) -> None:
        """Connect, wait for the end, pause, connect again, until cancelled; that closes the connection.

        Raises:
            AmqpError: An error that another attempt cannot mend (its `fatal` is true), such as a wrong password.
        """
        pauses = iter(self._backoff)
        try:
            while True:
                if await self._live_once() >= self._backoff.most:
                    pauses = iter(self._backoff)
                await asyncio.sleep(next(pauses))
        finally:
            self._over = True
            await self._leave()
            self._changed.set()

    async def _live_once(self) -> float:
        """Connect and wait for the end; return how many seconds the connection lasted, 0 when there was none."""
        try:
            self._current = current = await self._connect()
        except AmqpError as error:
            self._lost(error)
            return 0.0
        self._error = None
        began = asyncio.get_running_loop().time()
        self._tell(current)
        self._changed.set()
        ended_by = await current.closed
        await self._leave()
        self._lost(ended_by or ConnectionLost("it was closed by this side"))
        return asyncio.get_running_loop().time() - began

    async def _leave(self) -> None:
        """Close the connection, with whatever of it is still open."""
        current, self._current = self._current, None
        self._changed.clear()
        if current is not None:
            await current.close()

    def _lost(self, error: AmqpError) -> None:
        self._error = error
        self._tell(error)
        if error.fatal:
            raise error.fresh()
        logger.warning("%s; connecting again", error)

    def _tell(self, news: C | AmqpError) -> None:
        if self._on_change is not None:
            self._on_change(news)

    async def ready(self, timeout: float) -> C:
        """Return the connection that is open, or wait for the next one.

        Raises:
            AmqpTimeout: No connection within `timeout` seconds; its cause is the error of the last attempt.
            AmqpError: The error that ended `run`.
        """
        try:
            async with asyncio.timeout(timeout):
                while (current := self.current) is None:
                    if self._over:
                        raise (self._error or ConnectionLost("its Reconnector has ended")).fresh()
                    await self._changed.wait()
                    self._changed.clear()
                return current
        except TimeoutError:
            raise AmqpTimeout("an attempt to connect", timeout) from self._error
