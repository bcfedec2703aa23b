"""Worker processes that scenes kill and stop; each that ends is replaced, and its exit code or signal is counted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final, Self

from leveret.process.process_group import ProcessGroup

WORKER: Final = (sys.executable, "-P", "-m", "taskmanager", "worker", "--processes", "1")
"""Command line of a worker."""

CONSUMING: Final = "consuming "
"""Text that a worker logs when it consumes: at its start, and after it lost the broker or the database."""

LOST: Final = "lost the broker"
"""Text that a worker logs when it finds its connections closed."""

PAUSED: Final = "paused: "
"""Text that a worker logs when it finds that the database does not answer."""

LIMIT: Final = 60.0
"""Seconds that a worker may take to start, or to log a text."""

LOOK: Final = 0.02
"""Seconds between two looks at a file or a process, because neither reports a change."""


class WorkerFailed(Exception):
    """A worker did not do what it should; the text ends with the last lines of its log."""


@dataclass(slots=True)
class WorkerProcess:
    """One worker process and its log."""

    process: subprocess.Popen[bytes]
    log: Path
    planned: bool = False
    _read: int = 0

    @property
    def alive(self) -> bool:
        """Whether the process exists, even if a signal has stopped it."""
        return self.process.poll() is None

    def count(self, text: str) -> int:
        """Return how often the worker has logged a text."""
        return self.log.read_bytes().count(text.encode())

    async def says(self, text: str, *, count: int = 1, limit: float = LIMIT) -> None:
        """Wait until the worker has logged a text ``count`` times.

        Raises:
            WorkerFailed: the worker has ended, or has not logged the text within the limit, in seconds.
        """
        end = asyncio.get_running_loop().time() + limit
        while self.count(text) < count:
            if not self.alive or asyncio.get_running_loop().time() > end:
                state = "runs" if self.alive else f"ended with {self.process.returncode}"
                raise WorkerFailed(f"worker {self.process.pid} ({state}) did not say {text!r}:\n{self.tail()}")
            await asyncio.sleep(LOOK)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; return whether the process was alive."""
        if not self.alive:
            return False
        self.process.send_signal(number)
        return True

    async def ended(self, limit: float = LIMIT) -> int:
        """Wait until the process has ended; return its exit code, or the negative number of the signal that ended it.

        Raises:
            WorkerFailed: the process still runs after the limit, in seconds.
        """
        end = asyncio.get_running_loop().time() + limit
        while (code := self.process.poll()) is None:
            if asyncio.get_running_loop().time() > end:
                raise WorkerFailed(f"worker {self.process.pid} still runs after {limit:g} s:\n{self.tail()}")
            await asyncio.sleep(LOOK)
        return code

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class WorkerGroup:
    """A fixed number of workers; each that ends, for any reason, is replaced at once.

    ``async with`` starts the workers and waits until all of them consume. The end of the block only waits until all of
    them consume again. They run until the system ends, because the requests that the load left behind have to be
    worked off.

    Args:
        processes: starts the processes, and ends them with the system.
        count: number of workers.
        folder: folder for the logs.
        environment: returns the whole environment of a worker; called at each start.
        random: chooses which worker to kill.
        command: command line of a worker.

    Attributes:
        current: the present workers; a worker that ends is replaced at the same index.
        past: the workers that have ended.
    """

    def __init__(
        self,
        processes: ProcessGroup,
        count: int,
        folder: Path,
        *,
        environment: Callable[[], Mapping[str, str]],
        random: Random,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._processes = processes
        self._count = count
        self._folder = folder
        self._environment = environment
        self._random = random
        self._command = command
        self._started = 0
        self._keeper: asyncio.Task[None] | None = None
        self._trouble: Exception | None = None
        self.current: list[WorkerProcess] = []
        self.past: list[WorkerProcess] = []

    async def __aenter__(self) -> Self:
        self.current = [self.launch() for _ in range(self._count)]
        await self.consuming()
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.consuming()

    @property
    def deaths(self) -> Counter[str]:
        """Number of workers that ended, by exit code or signal; those that a scene ended are marked as planned."""
        every = [*self.past, *(worker for worker in self.current if not worker.alive)]
        return Counter(f"{_ending(worker)}{' (planned)' if worker.planned else ''}" for worker in every)

    def launch(self) -> WorkerProcess:
        """Start one more process of the command; the caller puts it into ``current``, or ends it."""
        self._started += 1
        log = self._folder / f"worker-{self._started}.log"
        process = self._processes.start(self._command, environment=self._environment(), output=log)
        return WorkerProcess(process, log)

    async def consuming(self) -> None:
        """Wait until all workers run and have logged that they consume.

        Raises:
            WorkerFailed: a worker has not within the limit.
        """
        for index in range(len(self.current)):
            await self._consuming(index)

    async def _consuming(self, index: int) -> None:
        while True:
            worker = self.current[index]
            try:
                await worker.says(CONSUMING)
            except WorkerFailed:
                if worker is self.current[index] and (self._trouble or self._keeper is None or worker.alive):
                    raise
                await asyncio.sleep(LOOK)  # the worker ended, and is being replaced
            else:
                return

    def victim(self, spare: int = 0) -> WorkerProcess | None:
        """Choose one of the workers that are alive and consume; None unless more than ``spare`` workers do."""
        ready = [worker for worker in self.current if worker.alive and worker.count(CONSUMING)]
        return self._random.choice(ready) if len(ready) > spare else None

    async def kill(self, worker: WorkerProcess | None = None) -> bool:
        """Kill a worker with `kill -9`; return whether it was alive.

        By default this is a random worker, and only if at least one other consumes, because a fault needs a worker.
        """
        worker = worker or self.victim(spare=1)
        if worker is None or not worker.signal(signal.SIGKILL):
            return False
        worker.planned = True
        return await worker.ended() == -signal.SIGKILL

    async def stop(self, worker: WorkerProcess, limit: float = LIMIT) -> tuple[int, float]:
        """Stop a worker with SIGTERM; return its exit code, and how many seconds it took.

        Raises:
            WorkerFailed: the worker still runs after the limit, in seconds.
        """
        now = asyncio.get_running_loop().time
        began = now()
        worker.planned = True
        worker.signal(signal.SIGTERM)
        return await worker.ended(limit), now() - began

    async def end(self) -> None:
        """Stop replacing workers, and stop those that run; kill those that do not end in time."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        for worker in self.current:
            if worker.alive:
                worker.planned = True
                worker.signal(signal.SIGCONT)
                worker.signal(signal.SIGTERM)
        for worker in self.current:
            try:
                await worker.ended(20.0)
            except WorkerFailed:
                worker.signal(signal.SIGKILL)
        if self._trouble:
            raise self._trouble

    async def _keep(self) -> None:
        try:
            while True:
                for index, worker in enumerate(self.current):
                    if not worker.alive:
                        self.past.append(worker)
                        self.current[index] = self.launch()
                await asyncio.sleep(LOOK)
        except OSError as error:
            self._trouble = error


def _ending(worker: WorkerProcess) -> str:
    code = worker.process.returncode
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


def child_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without settings of the application, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TASKMANAGER_")}
    return kept | variables
