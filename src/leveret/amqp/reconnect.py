"""Keep one session with a broker alive: open it anew after each loss, with growing pauses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from leveret.amqp.errors import AmqpError, AmqpTimeout, ConnectionLost
from leveret.process.backoff import Backoff

logger = logging.getLogger("leveret.amqp")


class Session(Protocol):
    """Whatever stands on a connection: the connection itself, or a record with its channels and consumers."""

    @property
    def closed(self) -> asyncio.Future[AmqpError | None]:
        """Done when it has ended, with what ended it."""

    async def close(self) -> None:
        """End it; never raises because the broker is gone."""


S = TypeVar("S", bound=Session)


class Reconnecting(Generic[S]):
    """Keeps one session alive while `run` runs.

    `open_session` is called anew after each loss and makes everything that the session needs: connection, channels,
    topology, prefetch, consumers. So they are there again after a loss, and nothing is remembered that could differ
    from what the code says. When it fails it must drop what it had opened (`Connection.abort`).

    A session that ends before the longest pause would be over does not start the pauses anew. `on_change` hears of each
    new session and, with the error, of each loss and each failure.
    """

    def __init__(
        self,
        open_session: Callable[[], Awaitable[S]],
        *,
        backoff: Backoff | None = None,
        on_change: Callable[[S | AmqpError], None] | None = None,
    ) -> None:
        self._open_session = open_session
        self._backoff = backoff or Backoff()
        self._on_change = on_change
        self._session: S | None = None
        self._error: AmqpError | None = None
        self._over = False
        self._changed = asyncio.Event()

    @property
    def session(self) -> S | None:
        """The session that is alive now, if one is."""
        return None if self._session is None or self._session.closed.done() else self._session

    async def run(self) -> None:
        """Open, wait for the end, pause, open again; until cancelled, which closes the session.

        Raises:
            AmqpError: One that trying again cannot help (its `fatal` is true), such as a wrong password.
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
        """One session from its opening to its end; how many seconds it lived, 0 when it never opened."""
        try:
            self._session = session = await self._open_session()
        except AmqpError as error:
            self._lost(error)
            return 0.0
        self._error = None
        began = asyncio.get_running_loop().time()
        self._tell(session)
        self._changed.set()
        ended_by = await session.closed
        await self._leave()
        self._lost(ended_by or ConnectionLost("the session was closed by this side"))
        return asyncio.get_running_loop().time() - began

    async def _leave(self) -> None:
        """Put the session away, with whatever of it is still open."""
        session, self._session = self._session, None
        self._changed.clear()
        if session is not None:
            await session.close()

    def _lost(self, error: AmqpError) -> None:
        self._error = error
        self._tell(error)
        if error.fatal:
            raise error.fresh()
        logger.warning("%s; connecting again", error)

    def _tell(self, news: S | AmqpError) -> None:
        if self._on_change is not None:
            self._on_change(news)

    async def ready(self, timeout: float) -> S:
        """The session that is alive, or the next one.

        Raises:
            AmqpTimeout: None within `timeout` seconds; its cause is why the last attempt failed.
            AmqpError: What ended `run` for good.
        """
        try:
            async with asyncio.timeout(timeout):
                while (session := self.session) is None:
                    if self._over:
                        raise (self._error or ConnectionLost("nobody connects any more")).fresh()
                    await self._changed.wait()
                    self._changed.clear()
                return session
        except TimeoutError:
            raise AmqpTimeout("a session with the broker", timeout) from self._error
