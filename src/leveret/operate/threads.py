"""Runs functions that wait for a database in threads that keep nobody from ending, however long they hang."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread of its own, and return what it returns.

    ``asyncio.to_thread`` would make the program wait at its end until the function has returned. Whoever is cancelled
    here leaves the thread behind.

    Raises:
        Exception: what the function raised.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        if not future.done():
            outcome()

    def work() -> None:
        try:
            found = function(*args, **kwargs)
        except BaseException as error:  # it is raised where it is awaited
            outcome = _raising(future, error)
        else:
            outcome = _returning(future, found)
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name="operate", daemon=True).start()
    return await future


def _raising(future: asyncio.Future[T], error: BaseException) -> Callable[[], None]:
    return lambda: future.set_exception(error)


def _returning(future: asyncio.Future[T], found: T) -> Callable[[], None]:
    return lambda: future.set_result(found)
