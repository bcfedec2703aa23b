"""The crew: worker processes that are killed, stopped and replaced, and whose deaths are counted."""

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
"""The command of a worker."""

CONSUMING: Final = "consuming "
"""What a worker logs when it consumes, at its start and after it lost the broker or the database."""

LIMIT: Final = 60.0
"""Seconds that a worker may take to start, or to say something."""

LOOK: Final = 0.02
"""Seconds between two looks at a file or a process, which tell nobody of their news."""


class CrewFailed(Exception):
    """A worker did not do what it had to; the text ends with what it wrote."""


@dataclass(slots=True)
class Member:
    """One worker process and its log."""

    process: subprocess.Popen[bytes]
    log: Path
    planned: bool = False
    _read: int = 0

    @property
    def alive(self) -> bool:
        """Whether it runs, or is stopped and could go on."""
        return self.process.poll() is None

    def count(self, text: str) -> int:
        """How often it has logged a text."""
        return self.log.read_bytes().count(text.encode())

    async def says(self, text: str, *, count: int = 1, limit: float = LIMIT) -> None:
        """Wait until it has logged a text so many times.

        Raises:
            CrewFailed: it has ended, or has not within the limit, in seconds.
        """
        end = asyncio.get_running_loop().time() + limit
        while self.count(text) < count:
            if not self.alive or asyncio.get_running_loop().time() > end:
                state = "runs" if self.alive else f"ended with {self.process.returncode}"
                raise CrewFailed(f"worker {self.process.pid} ({state}) did not say {text!r}:\n{self.tail()}")
            await asyncio.sleep(LOOK)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal; returns whether it hit a live process."""
        if not self.alive:
            return False
        self.process.send_signal(number)
        return True

    async def ended(self, limit: float = LIMIT) -> int:
        """Wait until it has ended and return its exit code, on a signal the negative number of that.

        Raises:
            CrewFailed: it still runs after the limit, in seconds.
        """
        end = asyncio.get_running_loop().time() + limit
        while (code := self.process.poll()) is None:
            if asyncio.get_running_loop().time() > end:
                raise CrewFailed(f"worker {self.process.pid} still runs after {limit:g} s:\n{self.tail()}")
            await asyncio.sleep(LOOK)
        return code

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Crew:
    """Workers that are kept at their number: one that ends, whyever, is replaced at once.

    ``async with`` starts them and waits until all consume. The end of the block only sees to it that all of them run
    again: what the load left behind has to be worked off, so the crew ends with its stage.

    Args:
        processes: in which they live.
        count: how many.
        folder: for the logs.
        environment: a function that gives their whole environment, asked at each start.
        random: chooses victims.
        command: what a worker is.

    Attributes:
        members: the workers that are kept, the one at an index replacing the one that was there.
        past: those that have ended.
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
        self.members: list[Member] = []
        self.past: list[Member] = []

    async def __aenter__(self) -> Self:
        self.members = [self.launch() for _ in range(self._count)]
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
        """How often workers ended, by how they did; what a scene did to them on purpose is marked so."""
        every = [*self.past, *(member for member in self.members if not member.alive)]
        return Counter(f"{_ending(member)}{' (planned)' if member.planned else ''}" for member in every)

    def launch(self) -> Member:
        """Start one more process of the command; the caller takes it into ``members`` or looks after it."""
        self._started += 1
        log = self._folder / f"worker-{self._started}.log"
        process = self._processes.start(self._command, environment=self._environment(), output=log)
        return Member(process, log)

    async def consuming(self) -> None:
        """Wait until all members run and have said that they consume.

        Raises:
            CrewFailed: one does not within the limit.
        """
        for index in range(len(self.members)):
            await self._consuming(index)

    async def _consuming(self, index: int) -> None:
        while True:
            member = self.members[index]
            try:
                await member.says(CONSUMING)
            except CrewFailed:
                if member is self.members[index] and (self._trouble or self._keeper is None or member.alive):
                    raise
                await asyncio.sleep(LOOK)  # it ended, and is replaced
            else:
                return

    def victim(self, spare: int = 0) -> Member | None:
        """Choose one of the members that are alive and consume; None unless so many others do."""
        ready = [member for member in self.members if member.alive and member.count(CONSUMING)]
        return self._random.choice(ready) if len(ready) > spare else None

    async def kill(self, member: Member | None = None) -> bool:
        """End a worker as a crash would (`kill -9`); returns whether a live one was hit.

        By default it is a random one, while at least one other consumes: with all of them dead there is no fault left
        to inject.
        """
        member = member or self.victim(spare=1)
        if member is None or not member.signal(signal.SIGKILL):
            return False
        member.planned = True
        return await member.ended() == -signal.SIGKILL

    async def stop(self, member: Member, limit: float = LIMIT) -> tuple[int, float]:
        """Ask a worker to stop (SIGTERM); returns its exit code and how many seconds it took.

        Raises:
            CrewFailed: it still runs after the limit, in seconds.
        """
        now = asyncio.get_running_loop().time
        began = now()
        member.planned = True
        member.signal(signal.SIGTERM)
        return await member.ended(limit), now() - began

    async def end(self) -> None:
        """Stop keeping workers, and stop those that run; those that do not are killed with the stage."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        for member in self.members:
            if member.alive:
                member.planned = True
                member.signal(signal.SIGCONT)
                member.signal(signal.SIGTERM)
        for member in self.members:
            try:
                await member.ended(20.0)
            except CrewFailed:
                member.signal(signal.SIGKILL)
        if self._trouble:
            raise self._trouble

    async def _keep(self) -> None:
        try:
            while True:
                for index, member in enumerate(self.members):
                    if not member.alive:
                        self.past.append(member)
                        self.members[index] = self.launch()
                await asyncio.sleep(LOOK)
        except OSError as error:
            self._trouble = error


def _ending(member: Member) -> str:
    code = member.process.returncode
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


def child_environment(**variables: str) -> dict[str, str]:
    """The environment of a child: ours without settings of the application, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TASKMANAGER_")}
    return kept | variables
