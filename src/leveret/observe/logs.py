"""Logging: one line for each record, as text for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Final, TextIO

import msgspec

from leveret.observe.log_writer import MOST, LogWriter
from leveret.wire.masking import JWT_MARK, printable, without_tokens

_NOISY: Final = ("alembic", "sqlalchemy")
"""Libraries whose records below WARNING are not logged, because operators do not need them."""

_OF_EVERY_RECORD: Final = frozenset(logging.makeLogRecord({}).__dict__)
"""Attributes that every record has; all others are fields of ``extra``."""

MORE_FIELDS: Final = "more_fields"
"""The key in ``extra`` of a function that returns more fields; only JSON calls it, so that text does not pay for it."""

_encode_json: Final = msgspec.json.Encoder(enc_hook=str).encode


class LineHandler(logging.Handler):
    """Writes each record as one line, in a thread, so that code that logs never waits for a reader; see ``LogWriter``.

    A log that cannot be written, because its reader is gone or its disk is full, must not stop a request.

    Args:
        stream: the stream to write to.
        make_formatter: makes a formatter; called twice, for this handler and for its thread.
        most: characters that may wait to be written.
    """

    def __init__(self, stream: TextIO, make_formatter: Callable[[], logging.Formatter], *, most: int = MOST) -> None:
        super().__init__()
        self.setFormatter(make_formatter())
        formatter = make_formatter()
        self._writer = LogWriter(stream, lambda text: formatter.format(_warning(text)) + "\n", most=most)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one record for writing."""
        try:
            line = self.format(record)
        except Exception as error:
            line = self.format(_warning(f"a record of {record.name} cannot be written: {error}: {record.msg!r}"))
        self._writer.put(line + "\n")

    def put(self, line: str) -> None:
        """Queue a line that is no record for writing."""
        with self.lock or nullcontext():
            self._writer.put(line + "\n")

    def flush(self) -> None:
        """Wait until everything that was logged before is written, but at most some seconds."""
        self._writer.flush()

    def close(self) -> None:
        """Write the lines that wait, and end the thread."""
        self._writer.close()
        super().close()


def _warning(text: str) -> logging.LogRecord:
    return logging.LogRecord("leveret.logs", logging.WARNING, "", 0, text, None, None)


class _Clock:
    """Formats a record's time in UTC, and keeps the text of the last second, which most records share."""

    def __init__(self) -> None:
        self._second = -1
        self._written = ""

    def write(self, record: logging.LogRecord) -> str:
        second = int(record.created)
        if second != self._second:
            self._second, self._written = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._written}.{int(record.msecs):03d}Z"


class TextFormatter(logging.Formatter):
    """Formats a record as text, such as ``2026-01-31T12:00:00.123Z INFO  worker[4711] ok: ID v1.create_task``.

    The lines of a traceback follow, indented.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._process = f"{name}[{os.getpid()}]"
        self._clock = _Clock()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; the message is unchanged, except that control characters are escaped."""
        message = record.getMessage()
        if not message.isprintable():
            message = printable(message)
        line = f"{self._clock.write(record)} {record.levelname:<7} {self._process} {message}"
        if record.exc_info:
            line += "".join(f"\n  {printable(each)}" for each in self.formatException(record.exc_info).split("\n"))
        return without_tokens(line) if JWT_MARK in line else line


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object, with the fields of ``extra`` before our own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._process = {"process": name, "pid": os.getpid()}
        self._clock = _Clock()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; a value that JSON does not have is written as Python prints it."""
        fields = {name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD}
        if more := fields.pop(MORE_FIELDS, None):
            fields |= more()
        fields["level"] = record.levelname.lower()
        fields["logger"] = record.name
        fields["time"] = self._clock.write(record)
        fields.update(self._process)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        fields["message"] = record.getMessage()
        line = _encode_json(fields).decode()
        return printable_json(without_tokens(line) if JWT_MARK in line else line)


def printable_json(line: str) -> str:
    """Escape, as JSON does, the characters of a line of JSON that are not printable; only its texts can hold any."""
    if line.isprintable():
        return line
    return "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in line)


def configure(name: str, *, level: str = "info", form: str = "text", stream: TextIO | None = None) -> None:
    """Send all records of this process to a stream.

    Args:
        name: name of this process in its lines, such as ``worker``; the process id is added.
        level: the lowest level that is logged: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``text`` for people, or ``json`` with one object for each line.
        stream: the stream to write to; standard error by default.
    """
    formatter = JsonFormatter if form == "json" else TextFormatter
    install(LineHandler(stream or sys.stderr, partial(formatter, name)), level)


def install(handler: logging.Handler, level: str) -> None:
    """Send all records of this process to one handler; a handler of lines that was there before is closed.

    Args:
        handler: takes the records.
        level: the lowest level that is logged: ``debug``, ``info``, ``warning`` or ``error``.
    """
    _collect_only_what_is_printed()
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
        if isinstance(former, LineHandler):
            former.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for library in _NOISY:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _collect_only_what_is_printed() -> None:
    """Do not look up each record's place in the code, thread and process, because no line shows them.

    See the section "Optimization" of Python's Logging HOWTO.
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
