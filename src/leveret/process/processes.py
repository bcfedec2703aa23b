"""Keeps several processes of one command running: starts those that die again, and stops all together."""

from __future__ import annotations

import asyncio
import logging
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from leveret.process.backoff import Backoff
from leveret.process.exit_codes import DONE

LIMIT: Final = timedelta(seconds=20)
"""How long a process may take to stop; then it is killed."""

_SOUND: Final = 30.0
"""Seconds that a process must live for the next pause to be the shortest one again."""

logger: Final = logging.getLogger("leveret.processes")


async def supervise(
    command: Sequence[str],
    count: int,
    stop: asyncio.Event,
    *,
    limit: timedelta = LIMIT,
    final: Collection[int] = (),
    greeting: bytes = b"",
) -> int:
    """Keep processes of a command running until ``stop`` is set, and return when all have ended.

    The end of its standard input asks a process to stop; it has to watch for that (`running.run` does, with
    ``stop_with_input``). This works on every system, and also when this process dies.

    Args:
        command: program and arguments.
        count: how many processes.
        stop: set when they have to stop.
        limit: how long a process may take to stop; then it is killed.
        final: exit codes after which a new start would not help: a process that ends with one of them ends all.
        greeting: what is written to the standard input of each process when it starts; fits in a pipe.

    Returns:
        0 after ``stop`` was set, otherwise the final exit code.

    Raises:
        OSError: the command cannot be started.
    """
    crew = _Crew(command, limit, final, greeting)
    keepers = [asyncio.create_task(crew.keep(number)) for number in range(1, count + 1)]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        crew.over.set()
        ended = await asyncio.gather(*keepers, return_exceptions=True)
    for error in ended:
        if error is not None:
            raise error
    return crew.refusal


class _Crew:
    """The processes. ``over`` is set when they have to stop; ``refusal`` is the final exit code, or 0."""

    def __init__(self, command: Sequence[str], limit: timedelta, final: Collection[int], greeting: bytes) -> None:
        self.over = asyncio.Event()
        self.refusal = DONE
        self._command = command
        self._limit = limit
        self._final = final
        self._greeting = greeting

    async def keep(self, number: int) -> None:
        """Keep one process running until ``over`` is set, or it ends with a final code."""
        now, pauses = asyncio.get_running_loop().time, _pauses()
        while not self.over.is_set():
            began = now()
            process = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE)
            if process.stdin is not None:
                process.stdin.write(self._greeting)
            logger.info("process %d runs as number %d", process.pid, number)
            code = await self._until_end(process)
            if self.over.is_set():
                return
            if code in self._final:
                self.refusal = code
                return
            if now() - began > _SOUND:
                pauses = _pauses()
            seconds = next(pauses)
            logger.warning("process %d %s; started again in %.1f s", process.pid, ending(code), seconds)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), seconds)

    async def _until_end(self, process: Process) -> int:
        ended = asyncio.create_task(process.wait())
        over = asyncio.create_task(self.over.wait())
        try:
            await asyncio.wait({ended, over}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await stop_process(process, ended, self._limit)
            return await ended
        finally:
            over.cancel()
            if not ended.done():  # cancelled while it runs
                process.kill()


async def stop_process(process: Process, ended: asyncio.Task[int], limit: timedelta) -> None:
    """Ask a process to stop by closing its input, and kill it if it does not stop within a limit.

    Args:
        process: the process, which watches its input.
        ended: waits for its end.
        limit: how long it may take.
    """
    if process.stdin is not None:
        process.stdin.close()
    await asyncio.wait({ended}, timeout=limit.total_seconds())
    if not ended.done():
        logger.warning("process %d did not stop within %g s: killed", process.pid, limit.total_seconds())
        process.kill()


def _pauses() -> Iterator[float]:
    return iter(Backoff(first=0.2, most=30.0))


def ending(code: int) -> str:
    """Put an exit code into words; on POSIX a negative one is the number of the signal."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
