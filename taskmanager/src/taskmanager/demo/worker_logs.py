"""The log lines of the demonstration's workers, in the order in which they arrive."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from taskmanager.demo.checks import DemoFailed


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a worker's log.

    Attributes:
        moment: time of day in UTC, such as ``12:00:00.123``; empty if the line has none.
        worker: the worker's name in the demonstration.
        message: the text, exactly as it was logged.
    """

    moment: str
    worker: str
    message: str

    def is_about(self, request_id: str) -> bool:
        """Return whether the line names this request."""
        return request_id in self.message.split()


class WorkerLogs:
    """Log lines of all workers, which threads collect and the demonstration reads."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._arrived = threading.Condition()

    def follow(self, stream: IO[bytes], worker: str) -> threading.Thread:
        """Start a thread that reads a worker's output until it ends, and return the thread."""
        thread = threading.Thread(target=self._read, args=(stream, worker), name=f"log of {worker}", daemon=True)
        thread.start()
        return thread

    def note(self, worker: str, message: str) -> None:
        """Add a line that comes from the demonstration itself."""
        self._add(LogLine(f"{datetime.now(UTC):%H:%M:%S.%f}"[:-3], worker, message))

    def lines(self) -> list[LogLine]:
        """Return all lines so far."""
        with self._arrived:
            return list(self._lines)

    def about(self, request_id: str) -> list[LogLine]:
        """Return the lines so far that name this request."""
        return [line for line in self.lines() if line.is_about(request_id)]

    def wait(self, wanted: Callable[[LogLine], bool], what: str, *, count: int = 1, limit: float = 10.0) -> LogLine:
        """Wait until a number of lines match, and return the last of these.

        Args:
            wanted: returns whether a line matches.
            what: description of the lines, for the error's text.
            count: how many lines have to match.
            limit: longest wait, in seconds.

        Raises:
            DemoFailed: there were not enough such lines within the limit.
        """
        with self._arrived:
            if self._arrived.wait_for(lambda: len(self._matching(wanted)) >= count, limit):
                return self._matching(wanted)[count - 1]
        raise DemoFailed(f"waited {limit:g} s in vain for {what} in the workers' log")

    def _matching(self, wanted: Callable[[LogLine], bool]) -> list[LogLine]:
        return [line for line in self._lines if wanted(line)]

    def _read(self, stream: IO[bytes], worker: str) -> None:
        with stream:
            for written in stream:
                self._add(read_line(written.decode(errors="replace").rstrip(), worker))

    def _add(self, line: LogLine) -> None:
        with self._arrived:
            self._lines.append(line)
            self._arrived.notify_all()


def read_line(written: str, worker: str) -> LogLine:
    """Read a line of the JSON log; any other line, such as one of a traceback, becomes the message unchanged."""
    try:
        fields = json.loads(written)
        return LogLine(str(fields["time"])[11:23], worker, str(fields["message"]))
    except (ValueError, KeyError, TypeError):
        return LogLine("", worker, written)
