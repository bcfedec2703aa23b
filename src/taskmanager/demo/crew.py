"""The workers of the demonstration: real processes of the command ``taskmanager worker``."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from taskmanager.demo.log_book import LogBook
from taskmanager.demo.promises import DemoFailed

LIMIT: Final = 15.0
"""Seconds that a worker may take to start, or to stop."""


class Crew:
    """Starts workers, follows their logs, kills one, stops all.

    A worker that outlives the demonstration for whatever reason stops by itself: its input has ended.

    Args:
        environment: of each worker.
        folder: where they work.
        book: gets their log lines.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, book: LogBook) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self._book = book
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Start workers and wait until all of them consume.

        Raises:
            DemoFailed: one does not.
        """
        names = [f"worker-{number}" for number in range(1, count + 1)]
        for name in names:
            self._launch(name)
        for name in names:
            self._wait_until_consuming(name)

    @property
    def alive(self) -> int:
        """How many run."""
        return sum(process.poll() is None for process in self._processes.values())

    def kill(self, name: str) -> int:
        """End a worker as a crash would (`kill -9`), and return its process id."""
        process = self._processes[name]
        process.kill()
        process.wait(LIMIT)
        self._book.note(name, f"(killed with kill -9: process {process.pid})")
        return process.pid

    def stop(self) -> None:
        """Stop all workers cleanly and wait for that; those that do not stop are killed."""
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes.values():
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for reader in self._readers:
            reader.join(LIMIT)
        self._processes.clear()

    def _launch(self, name: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "taskmanager", "worker", "--processes", "1", "--supervised"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env=self._environment,
            process_group=_group(),
            creationflags=_flags(),
        )
        self._processes[name] = process
        if process.stdout is not None:
            self._readers.append(self._book.follow(process.stdout, name))

    def _wait_until_consuming(self, name: str) -> None:
        try:
            self._book.wait(
                lambda line: line.worker == name and line.message.startswith("consuming "),
                f"{name} to consume",
                limit=LIMIT,
            )
        except DemoFailed as error:
            written = "\n".join(line.message for line in self._book.lines() if line.worker == name)
            raise DemoFailed(f"{error}; it said:\n{written}") from error


def _group() -> int | None:
    """A process group of its own: a Ctrl-C in the terminal is for the demonstration, which then stops its workers."""
    return None if sys.platform == "win32" else 0


def _flags() -> int:
    """The same for Windows."""
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP
    return 0
