"""The log lines of all workers of the demonstration, as they come."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from taskmanager.demo.promises import DemoFailed


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a worker's log.

    Attributes:
        moment: time of day in UTC, ``12:00:00.123``; empty where the line had none.
        worker: the worker's name in the demonstration.
        message: the text, exactly as it was logged.
    """

    moment: str
    worker: str
    message: str

    def is_about(self, request_id: str) -> bool:
        """Tell whether the line names a request."""
        return request_id in self.message.split()


class LogBook:
    """Lines in the order in which they came; filled by threads, read by the demonstration."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._news = threading.Condition()

    def follow(self, stream: IO[bytes], worker: str) -> threading.Thread:
        """Read a worker's output until it ends, in a thread of its own."""
        thread = threading.Thread(target=self._read, args=(stream, worker), name=f"log of {worker}", daemon=True)
        thread.start()
        return thread

    def note(self, worker: str, message: str) -> None:
        """Add a line that the demonstration itself has to say."""
        self._add(LogLine(f"{datetime.now(UTC):%H:%M:%S.%f}"[:-3], worker, message))

    def lines(self) -> list[LogLine]:
        """Give all lines so far."""
        with self._news:
            return list(self._lines)

    def about(self, request_id: str) -> list[LogLine]:
        """Give the lines so far that name a request."""
        return [line for line in self.lines() if line.is_about(request_id)]

    def wait(self, wanted: Callable[[LogLine], bool], what: str, *, count: int = 1, limit: float = 10.0) -> LogLine:
        """Wait until so many lines fit, and give the last of them.

        Args:
            wanted: whether a line fits.
            what: what is waited for, in words.
            count: how many have to fit.
            limit: seconds.

        Raises:
            DemoFailed: not within the limit.
        """
        with self._news:
            if self._news.wait_for(lambda: len(self._fitting(wanted)) >= count, limit):
                return self._fitting(wanted)[count - 1]
        raise DemoFailed(f"waited {limit:g} s in vain for {what} in the workers' log")

    def _fitting(self, wanted: Callable[[LogLine], bool]) -> list[LogLine]:
        return [line for line in self._lines if wanted(line)]

    def _read(self, stream: IO[bytes], worker: str) -> None:
        with stream:
            for written in stream:
                self._add(read_line(written.decode(errors="replace").rstrip(), worker))

    def _add(self, line: LogLine) -> None:
        with self._news:
            self._lines.append(line)
            self._news.notify_all()


def read_line(written: str, worker: str) -> LogLine:
    """Read a line of the JSON log; anything else, such as a traceback, is a message as it stands."""
    try:
        fields = json.loads(written)
        return LogLine(str(fields["time"])[11:23], worker, str(fields["message"]))
    except (ValueError, KeyError, TypeError):
        return LogLine("", worker, written)
