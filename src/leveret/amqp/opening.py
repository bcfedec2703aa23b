"""One connection from several addresses: the next is tried when one fails or is silent (RFC 8305, section 5)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, Protocol, TypeVar

from leveret.amqp.address import Address
from leveret.amqp.errors import AmqpError, ConnectFailed

logger = logging.getLogger("leveret.amqp")


class Droppable(Protocol):
    """A connection, as far as this module uses it."""

    def abort(self) -> None:
        """Drop the connection at once."""


C = TypeVar("C", bound=Droppable)

Open = Callable[[Address], Coroutine[Any, Any, C]]


async def open_first(addresses: Sequence[Address], open_one: Open[C], delay: float, *, log: int) -> C:
    """Return the connection that is open first.

    Args:
        addresses: Tried in this order.
        open_one: Opens a connection to one of them; it has a limit of its own.
        delay: Seconds after which the next address is tried as well when one is silent.
        log: The level at which an address that was passed over is logged.

    Raises:
        AmqpError: None of them can be used. It is `fatal` only when the error of each address is.
    """
    if len(addresses) == 1:
        return await open_one(addresses[0])
    race = _Race(open_one, delay)
    found = await race.run(addresses)
    errors = [race.errors[address] for address in addresses if address in race.errors]
    if found is None:
        raise _joined(errors)
    for error in errors:
        logger.log(log, "passed over: %s", error)
    for address in race.silent:
        logger.log(log, "passed over: %s has not answered in %g s", address, delay)
    return found


class _Race(Generic[C]):
    """Attempts that run at the same time. The first connection is kept, and all others are dropped."""

    def __init__(self, open_one: Open[C], delay: float) -> None:
        self.errors: dict[Address, AmqpError] = {}
        self.silent: list[Address] = []
        self._open_one, self._delay = open_one, delay
        self._running: dict[asyncio.Task[C], Address] = {}
        self._won: list[C] = []

    async def run(self, addresses: Sequence[Address]) -> C | None:
        """Return the first connection; None when every attempt failed."""
        try:
            await self._run(addresses)
        except BaseException:
            for connection in self._won:
                connection.abort()
            raise
        return self._won[0] if self._won else None

    async def _run(self, addresses: Sequence[Address]) -> None:
        try:
            for address in addresses:
                self._running[asyncio.create_task(self._open_one(address))] = address
                await self._look(None if address is addresses[-1] else self._delay)
                if self._won:
                    break
            while self._running and not self._won:
                await self._look(None)
        finally:
            await self._end()

    async def _look(self, seconds: float | None) -> None:
        """Wait until an attempt has ended, or until that many seconds have passed."""
        done, _ = await asyncio.wait(self._running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            address = self._running.pop(task)
            try:
                self._won.append(task.result())
            except AmqpError as error:
                self.errors[address] = error

    async def _end(self) -> None:
        """Cancel the attempts that still run, and drop the connections that came too late."""
        self.silent.extend(self._running.values())
        for task in self._running:
            task.cancel()
        for late in await asyncio.gather(*self._running, return_exceptions=True):
            if not isinstance(late, BaseException):
                late.abort()
        for connection in self._won[1:]:
            connection.abort()


def _joined(errors: Sequence[AmqpError]) -> AmqpError:
    texts = dict.fromkeys(map(str, errors))
    if len(texts) == 1:
        return errors[0]
    joined = ConnectFailed(f"no address can be used: {'; '.join(texts)}", fatal=all(error.fatal for error in errors))
    joined.__cause__ = errors[0]
    return joined
