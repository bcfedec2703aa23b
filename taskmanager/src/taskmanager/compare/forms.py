"""The two forms of the system, as processes that a scene starts, kills, adds and replaces."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from subprocess import Popen
from typing import Final, Literal

from leveret.broker.queues import report_queues
from leveret.cli.ending.endings import CommandFailed
from leveret.process.process_group import ProcessGroup
from leveret.settings import environment
from leveret.topology import Topology
from taskmanager.compare import server

Form = Literal["rest", "rabbitmq"]

NAMES: Final[Mapping[Form, str]] = {"rest": "REST (gateway --direct)", "rabbitmq": "RabbitMQ"}
FORMS: Final[tuple[Form, ...]] = ("rest", "rabbitmq")

_LIMIT: Final = 30.0
"""Seconds that a server may take to start, or to stop."""

_LOOK: Final = 0.05
_COMMAND: Final = (sys.executable, "-P", "-m", server.__name__)
_ARGUMENTS: Final[Mapping[Form, tuple[str, ...]]] = {
    "rest": ("gateway", "--direct", "--timeout", "60", "--port"),
    "rabbitmq": ("worker", "--processes", "1"),
}
_READY: Final[Mapping[Form, str]] = {"rest": "gateway of ", "rabbitmq": "consuming "}


class Servers:
    """The servers of one form.

    Args:
        form: which form it is.
        folder: for the database and the logs.
        environment: of each server.
        processes: ends all of them.

    Attributes:
        addresses: where those of the REST form listen; requests take turns.
    """

    def __init__(self, form: Form, folder: Path, environment: Mapping[str, str], processes: ProcessGroup) -> None:
        self.form = form
        self.addresses: list[str] = []
        self._folder = folder
        self._environment = environment
        self._processes = processes
        self._running: list[Popen[bytes]] = []
        self._started = 0

    async def start(self, *, is_broken: bool = False, port: int = 0) -> None:
        """Start one more server and wait until it serves.

        Raises:
            CommandFailed: it does not serve in time; the text holds the end of its log.
        """
        self._started += 1
        log = self._folder / f"{self.form}-{self._started}.log"
        given = {**self._environment, **({server.BROKEN: "yes"} if is_broken else {})}
        arguments = [*_COMMAND, *_ARGUMENTS[self.form], *([str(port)] if self.form == "rest" else [])]
        process = self._processes.start(arguments, environment=given, output=log)
        self._running.append(process)
        line = await _wait_for_line(process, log, _READY[self.form])
        if self.form == "rest":
            address = line.split()[-1]
            if address not in self.addresses:
                self.addresses.append(address)

    async def kill(self) -> None:
        """Kill all servers as `kill -9` does."""
        for process in self._running:
            process.kill()
            await asyncio.to_thread(process.wait, _LIMIT)
        self._running.clear()

    async def stop(self) -> None:
        """Stop all servers as an operator does, and wait until they have finished what they have in hand."""
        for process in self._running:
            process.terminate()
        for process in self._running:
            await asyncio.to_thread(process.wait, _LIMIT)
        self._running.clear()

    async def start_again(self, *, is_broken: bool = False) -> None:
        """Start a server in the place of one that has ended, at the same address."""
        await self.start(is_broken=is_broken, port=_port(self.addresses[0]) if self.addresses else 0)

    async def command(self, *words: str) -> str:
        """Run a command of the application as an operator does, and return what it prints."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._folder,
            env=self._environment,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return output.decode(errors="replace")


async def wait_until_empty(url: str, topology: Topology, limit: float) -> int:
    """Wait until no request waits at the broker; return the number of dead letters."""
    end = time.monotonic() + limit
    while True:
        *waiting, letters = await report_queues(url, topology)
        if not any(report.messages for report in waiting) or time.monotonic() > end:
            return letters.messages or 0
        await asyncio.sleep(_LOOK)


class DatabaseLock:
    """Another program that takes the lock of an SQLite file, so that nobody else can write."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._holder: sqlite3.Connection | None = None

    def take(self) -> None:
        """Take the lock."""
        self._holder = sqlite3.connect(self._file, timeout=_LIMIT, isolation_level=None, check_same_thread=False)
        self._holder.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        """Release it, if it is taken."""
        if self._holder is not None:
            self._holder.close()
            self._holder = None


def effects(file: Path) -> dict[str, int]:
    """Return how many tasks have each title, which is the id of the request that made it."""
    with closing(sqlite3.connect(file)) as connection:
        return dict(connection.execute("SELECT title, count(*) FROM tasks GROUP BY title"))


def bare_environment() -> dict[str, str]:
    """Return this process's environment without settings of the application."""
    return {name: value for name, value in environment().items() if not name.startswith(("TASKMANAGER_", "COMPARE_"))}


async def _wait_for_line(process: Popen[bytes], log: Path, text: str) -> str:
    end = time.monotonic() + _LIMIT
    while process.poll() is None and time.monotonic() < end:
        for line in _lines(log):
            if text in line:
                return line
        await asyncio.sleep(_LOOK)
    last = "\n".join(_lines(log)[-10:])
    raise CommandFailed(f"a server of the comparison did not start; its log ends with:\n{last}")


def _lines(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()


def _port(address: str) -> int:
    return int(address.rstrip("/").rpartition(":")[2])
