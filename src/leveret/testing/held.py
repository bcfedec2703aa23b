"""A context manager that one task enters and leaves, whoever opens and closes it."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """Holds a context manager in a task of its own, from `open` to `close`.

    What an application opens may be a TaskGroup, or may set a context variable and reset it. Only the task that entered
    it can leave it, but a test without an event loop, and a fixture with one, open and close in two tasks.

    Args:
        manager: is entered and left once.
    """

    def __init__(self, manager: AbstractAsyncContextManager[T]) -> None:
        self._manager = manager
        self._holding: asyncio.Task[None] | None = None
        self._over: asyncio.Future[BaseException | None] | None = None

    async def open(self) -> T:
        """Enter it and return its value, or raise what it raises."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[T] = loop.create_future()
        self._over = loop.create_future()
        self._holding = asyncio.create_task(self._hold(opened, self._over))
        try:
            await asyncio.wait((opened, self._holding), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._holding.cancel()
            await asyncio.gather(self._holding, return_exceptions=True)
            raise
        if not opened.done():
            await self._holding
        return opened.result()

    async def close(self, error: BaseException | None = None) -> None:
        """Leave it, with the error that its block has ended with; raise what it raises beyond that error."""
        if self._holding is None or self._over is None:
            return
        if not self._over.done():
            self._over.set_result(error)
        await self._holding

    async def _hold(self, opened: asyncio.Future[T], over: asyncio.Future[BaseException | None]) -> None:
        opened.set_result(await self._manager.__aenter__())
        try:
            error = await over
        except asyncio.CancelledError as cancelled:
            await self._leave(cancelled)
            raise
        await self._leave(error)  # not raised here: SystemExit would end the event loop

    async def _leave(self, error: BaseException | None) -> None:
        if error is None:
            await self._manager.__aexit__(None, None, None)
        else:
            await self._manager.__aexit__(type(error), error, error.__traceback__)
