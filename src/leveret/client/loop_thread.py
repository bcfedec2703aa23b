"""An event loop in a thread, for programs without one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, Final, TypeVar

T = TypeVar("T")

LOOK_UP: Final = 0.5
"""Seconds of one wait of a waiting thread: on Windows, Ctrl-C does not interrupt a wait."""


class LoopStopped(Exception):
    """The loop was stopped; the coroutine has not run, or not to its end."""


class LoopThread:
    """Runs coroutines for any number of threads, until `stop`.

    The thread is a daemon: a program that forgets `stop` can still end. A coroutine that raises SystemExit or
    KeyboardInterrupt raises it in the thread that waits for it, and the loop goes on.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._stopped = False
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def is_ours(self) -> bool:
        """Whether the thread runs in this process; a forked process has only the thread that called fork."""
        return self._process == os.getpid()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine and return its result; Ctrl-C cancels it.

        Raises:
            LoopStopped: `stop` was called before it ended.
        """
        with self._lock:
            if self._stopped:
                raise LoopStopped("the event loop is stopped")
            future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        try:
            return outcome_of(future, self._check_ours)
        except CancelledError as error:
            raise LoopStopped("the event loop was stopped") from error
        finally:
            future.cancel()

    def _check_ours(self) -> None:
        if not self.is_ours:  # the handler of a signal forked during the wait
            raise LoopStopped("the event loop belongs to another process")

    def stop(self) -> None:
        """Cancel the coroutines that run and end the thread; stopping again does nothing."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._loop.call_soon_threadsafe(self._over.set_result, None)
        self._thread.join()

    def _serve(self) -> None:
        while not self._over.done():
            self._run(self._over)
        while tasks := asyncio.all_tasks(self._loop):
            for task in tasks:
                task.cancel()
            self._run(asyncio.gather(*tasks, return_exceptions=True))
        self._run(self._loop.create_task(self._loop.shutdown_asyncgens()))  # and whoever waits is told of the end
        self._loop.close()

    def _run(self, future: asyncio.Future[Any]) -> None:
        """Run the loop until a future is done, or until a task raises what asyncio lets out of the loop."""
        with suppress(SystemExit, KeyboardInterrupt):  # the task's future has it too
            self._loop.run_until_complete(future)


def outcome_of(future: Future[T], look: Callable[[], None], every: float = LOOK_UP) -> T:
    """Return the result of a future, or raise its error, and call a function between waits.

    Args:
        future: may end between two waits.
        look: called between two waits; may raise.
        every: seconds of one wait.
    """
    while True:
        try:
            return future.result(every)
        except TimeoutError:
            if future.done():
                return future.result()
        look()
