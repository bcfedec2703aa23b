"""The demonstration's workers, which are processes of the command ``taskmanager worker``."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from taskmanager.demo.checks import DemoFailed
from taskmanager.demo.worker_logs import WorkerLogs

LIMIT: Final = 15.0
"""Seconds that a worker may take to start, or to stop."""


class Workers:
    """Starts worker processes, reads their logs, kills one of them, and stops all.

    If the demonstration is killed, its workers stop by themselves, because their standard input ends.

    Args:
        environment: environment of each worker.
        folder: working folder of each worker.
        logs: receives the log lines.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, logs: WorkerLogs) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self._logs = logs
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._readers: list[threading.Thread] = []

    def start(self, count: int) -> None:
        """Start workers and wait until all of them consume.

        Raises:
            DemoFailed: a worker does not consume in time.
        """
        names = [f"worker-{number}" for number in range(1, count + 1)]
        for name in names:
            self._launch(name)
        for name in names:
            self._wait_until_consuming(name)

    @property
    def alive(self) -> int:
        """How many workers run."""
        return sum(process.poll() is None for process in self._processes.values())

    def kill(self, name: str) -> int:
        """Kill a worker with `kill -9`, and return its process id."""
        process = self._processes[name]
        process.kill()
        process.wait(LIMIT)
        self._logs.note(name, f"(killed with kill -9: process {process.pid})")
        return process.pid

    def stop(self) -> None:
        """Stop all workers cleanly and wait until they end; kill those that do not end in time."""
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
            self._readers.append(self._logs.follow(process.stdout, name))

    def _wait_until_consuming(self, name: str) -> None:
        try:
            self._logs.wait(
                lambda line: line.worker == name and line.message.startswith("consuming "),
                f"'consuming' from {name}",
                limit=LIMIT,
            )
        except DemoFailed as error:
            written = "\n".join(line.message for line in self._logs.lines() if line.worker == name)
            raise DemoFailed(f"{error}; its output was:\n{written}") from error


def _group() -> int | None:
    """Give each worker a process group of its own, so that Ctrl-C reaches the demonstration only.

    The demonstration then stops its workers.
    """
    return None if sys.platform == "win32" else 0


def _flags() -> int:
    """Do on Windows what `_group` does elsewhere."""
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP
    return 0
