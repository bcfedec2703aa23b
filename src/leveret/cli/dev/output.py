"""What ``dev`` prints: its own lines, each request, and what the application logs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from leveret.cli.dev.lines import clock
from leveret.cli.dev.paint import Paint, Tone
from leveret.cli.dev.tracebacks import Traces
from leveret.observe.logs import LineHandler, install
from leveret.wire.masking import JWT_MARK, printable, without_tokens

_TONES: Final[dict[int, Tone]] = {logging.WARNING: "again", logging.ERROR: "failed", logging.CRITICAL: "failed"}

_OURS: Final = "leveret"

logger: Final = logging.getLogger("leveret.dev")
"""Lines of the command itself."""


class DevFormatter(logging.Formatter):
    """Formats a record as ``12:00:00 WARNING guestbook: message``, and its traceback without the frames of libraries.

    Args:
        paint: how it looks.
        traces: writes tracebacks.
    """

    def __init__(self, paint: Paint, traces: Traces) -> None:
        super().__init__()
        self._paint = paint
        self._traces = traces

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        message = printable(record.getMessage())
        if JWT_MARK in message:
            message = without_tokens(message)
        if not _is_ours(record):
            message = f"{record.name}: {message}"
        if record.levelno != logging.INFO:
            message = f"{record.levelname} {message}"
        if tone := _TONES.get(record.levelno):
            message = self._paint(message, tone)
        line = f"{self._paint(clock(record.created), 'quiet')} {message}"
        if record.exc_info and record.exc_info[1]:
            line += "\n" + self._traces.write(record.exc_info[1])
        return line


def configure(level: str, paint: Paint, places: Sequence[Path]) -> Callable[[str], None]:
    """Send all records of this process to standard output, and return a function that writes a line there.

    What the framework logs below WARNING is left out, except with the level ``debug``; and what it logs of single
    requests, because each has its own line.

    Args:
        level: the lowest level that is shown.
        paint: how it looks.
        places: folders and files of the application.
    """
    handler = LineHandler(sys.stdout, lambda: DevFormatter(paint, Traces(places, paint)))
    handler.addFilter(_all if level == "debug" else _interesting)
    install(handler, level)
    return handler.put


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name == _OURS or record.name.startswith(f"{_OURS}.")


def _all(record: logging.LogRecord) -> bool:
    return not _is_a_request(record)


def _interesting(record: logging.LogRecord) -> bool:
    if _is_ours(record) and record.levelno < logging.WARNING:
        return record.name in ("leveret.dev", "leveret.reloading")
    return not _is_a_request(record)


def _is_a_request(record: logging.LogRecord) -> bool:
    return record.name == "leveret.worker" and hasattr(record, "request_id")
