"""Asks the database of operations from an event loop, one question at a time, in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from leveret.application import Application
from leveret.errors import StorageBusy
from leveret.operate.operations.operations import Operations, open_operations
from leveret.operate.threads import in_thread
from leveret.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

_TRIES: Final = 5
"""How often a question is asked whose rows somebody else has locked."""


class AskedOperations:
    """The operations, for any number of tasks of an event loop.

    Args:
        operations: used by one thread at a time.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._one = asyncio.Lock()

    async def ask(self, method: Callable[Concatenate[Operations, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a method of `Operations` in a thread. Whoever is cancelled here waits until it has returned.

        Raises:
            Exception: what the method raised.
        """
        async with self._one:
            for left in reversed(range(_TRIES)):
                asked = asyncio.ensure_future(in_thread(method, self._operations, *args, **kwargs))
                try:
                    return await asyncio.shield(asked)
                except StorageBusy:
                    if not left:
                        raise
                finally:
                    if not asked.done():
                        await asyncio.wait({asked})
        raise AssertionError("the last try returns or raises")


@asynccontextmanager
async def open_asked(app: Application[Any], settings: Settings) -> AsyncIterator[AskedOperations]:
    """Open the operations for the time of a block; see `open_operations`.

    Raises:
        SettingsError, StorageUnavailable, StorageFailed: as `open_operations`.
    """
    with ExitStack() as stack:
        operations = await in_thread(stack.enter_context, open_operations(app, settings))
        yield AskedOperations(operations)
