"""Logging: one line for each record, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TextIO

import msgspec

from leveret.wire.masking import printable, without_tokens
from taskmanager.log_writer import MOST, LogWriter
from taskmanager.settings import Settings

_NOISY: Final = ("alembic", "sqlalchemy")
"""Libraries whose information is of no use to an operator."""

_OF_EVERY_RECORD: Final = frozenset(logging.makeLogRecord({}).__dict__)
"""Attributes of a record that are no fields of ``extra``."""

_encode_json: Final = msgspec.json.Encoder(enc_hook=str).encode


class LineHandler(logging.Handler):
    """Writes each record as a line, in a thread, so that who logs never waits for who reads; see ``LogWriter``.

    A log that cannot be written, because its reader is gone or its disk is full, must not stop a request.

    Args:
        stream: where to.
        make_formatter: makes a formatter, one for this handler and one for its thread.
        most: characters that may wait for a reader.
    """

    def __init__(self, stream: TextIO, make_formatter: Callable[[], logging.Formatter], *, most: int = MOST) -> None:
        super().__init__()
        self.setFormatter(make_formatter())
        speaking = make_formatter()
        self._writer = LogWriter(stream, lambda text: speaking.format(_warning(text)) + "\n", most=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Have one record written."""
        try:
            line = self.format(record)
        except Exception as error:
            line = self.format(_warning(f"a record of {record.name} cannot be written: {error}: {record.msg!r}"))
        self._writer.put(line + "\n")

    def flush(self) -> None:
        """Wait for some seconds until all is written that was logged before."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._writer.close()
        super().close()


def _warning(text: str) -> logging.LogRecord:
    return logging.LogRecord("taskmanager.logs", logging.WARNING, "", 0, text, None, None)


class _Clock:
    """Writes a record's moment in UTC; most records share their second with the one before."""

    def __init__(self) -> None:
        self._second = -1
        self._written = ""

    def write(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second, self._written = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._written}.{int(record.msecs):03d}Z"


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO  worker[4711] ok: <id> v1.create_task``; a traceback follows, indented."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._process = f"{name}[{os.getpid()}]"
        self._clock = _Clock()

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; the message stands there as it was logged, control characters escaped."""
        message = printable(record.getMessage())
        line = f"{self._clock.write(record)} {record.levelname:<7} {self._process} {message}"
        if record.exc_info:
            line += "".join(f"\n  {printable(each)}" for each in self.formatException(record.exc_info).split("\n"))
        return without_tokens(line)


class JsonFormatter(logging.Formatter):
    """One JSON object for each record, with the fields of ``extra`` before our own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._process = {"process": name, "pid": os.getpid()}
        self._clock = _Clock()

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; what JSON cannot say stands there as Python writes it."""
        fields = {name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD}
        fields["level"] = record.levelname.lower()
        fields["logger"] = record.name
        fields["time"] = self._clock.write(record)
        fields.update(self._process)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        fields["message"] = record.getMessage()
        return printable_json(without_tokens(_encode_json(fields).decode()))


def printable_json(line: str) -> str:
    """Escape what is not printable in a line of JSON, as JSON does; it can only stand in texts there."""
    if line.isprintable():
        return line
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in line)


def configure(settings: Settings, name: str, *, stream: TextIO | None = None) -> None:
    """Send all records of this process to a stream, standard error by default.

    Args:
        settings: level and format.
        name: what this process is called in its lines, such as ``worker``; its process id stands beside it.
        stream: where to.
    """
    _leave_out_what_is_not_printed()
    form = JsonFormatter if settings.log_format == "json" else TextFormatter
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if isinstance(handler, LineHandler):
            handler.close()
    root.addHandler(LineHandler(stream or sys.stderr, partial(form, name)))
    root.setLevel(settings.log_level.upper())
    for library in _NOISY:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _leave_out_what_is_not_printed() -> None:
    """Spare each record the search for its place in the code, its thread and its process.

    As the Logging HOWTO of Python says under "Optimization".
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
