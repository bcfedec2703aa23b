"""Keeps one process of a command running, and starts it again when files have changed."""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

from leveret.process.backoff import Pauses
from leveret.process.processes import LIMIT, ending, stop_process
from leveret.process.watching import forget_bytecode

Change: TypeAlias = Callable[[], Awaitable[list[str]]]
"""Waits until files have changed, and returns their paths."""

_SHOWN: Final = 3
"""Changed files whose names are logged."""

logger: Final = logging.getLogger("leveret.reloading")


class Reloader:
    """Keeps one process of a command running, and starts it again when files have changed.

    The end of its standard input asks the process to stop; so it finishes what it has in hand before the next one
    starts. One that ends by itself is started again after growing pauses, unless a new start would not help: then the
    next change is waited for.

    Args:
        command: program and arguments.
        change: waits for changes; a burst of them has to count as one.
        environment: the environment of the process; None for that of this one.
        limit: how long a process may take to stop; then it is killed.
        final: exit codes after which a new start would not help.
    """

    def __init__(
        self,
        command: Sequence[str],
        change: Change,
        *,
        environment: Mapping[str, str] | None = None,
        limit: timedelta = LIMIT,
        final: Collection[int] = (),
    ) -> None:
        self._command = command
        self._change = change
        self._environment = environment
        self._limit = limit
        self._final = final
        self._pauses = Pauses()
        self._news = asyncio.Event()
        self._changed = set[str]()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; then the process has ended.

        Raises:
            OSError: the command cannot be started.
        """
        stopping, watching = asyncio.create_task(stop.wait()), asyncio.create_task(self._watch())
        try:
            while not stop.is_set():
                await self._run_once({stopping, watching})
                if watching.done():
                    watching.result()
        finally:
            for task in (stopping, watching):
                task.cancel()
            await asyncio.gather(stopping, watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            changed = await self._change()
            logger.info("%s: the worker starts again", _in_words(changed))
            self._changed.update(changed)
            self._news.set()

    async def _run_once(self, over: set[asyncio.Task[Any]]) -> None:
        """Run one process until files have changed, or one of ``over`` is done; wait if it ends by itself."""
        self._news.clear()
        forget_bytecode(self._changed)
        self._changed.clear()
        began = asyncio.get_running_loop().time()
        process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, env=self._environment)
        ended = asyncio.create_task(process.wait())
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait({ended, news, *over}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                return await stop_process(process, ended, self._limit)
            self._pauses.held(asyncio.get_running_loop().time() - began)
            await self._rest(process, ended.result(), {news, *over})
        finally:
            news.cancel()
            if not ended.done():  # cancelled while it runs, or killed just now
                process.kill()
                await ended

    async def _rest(self, process: Process, code: int, until: set[asyncio.Task[Any]]) -> None:
        """Wait after a process has ended by itself: for a change, or for some seconds."""
        if any(task.done() for task in until):
            return
        if code in self._final:
            logger.info("waiting for a change")
            await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
            return
        seconds = self._pauses.next()
        logger.warning("process %d %s; started again in %.1f s", process.pid, ending(code), seconds)
        await asyncio.wait(until, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def _in_words(paths: Sequence[str]) -> str:
    names = [Path(path).name for path in paths[:_SHOWN]]
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f"{', '.join(names)}{more} changed"
