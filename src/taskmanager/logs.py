"""Logging: one line for each record, as text for people or as JSON for machines."""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec
import structlog

from taskmanager.settings import Settings
from warren.masking import without_tokens

_NOISY: Final = ("alembic", "sqlalchemy")
"""Libraries whose information is of no use to an operator."""


class LineHandler(logging.Handler):
    """Writes each record with one call, so that lines of several processes do not mix.

    A log that cannot be written, because its reader is gone or its disk is full, must not stop a request.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record and hand it to the operating system at once."""
        try:
            self._stream.write(self.format(record) + "\n")
            self._stream.flush()
        except Exception:  # as logging asks of a handler: report, and go on
            self.handleError(record)


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.123Z INFO  worker[4711] ok: <id> v1.create_task``; a traceback follows on its own lines."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._process = f"{name}[{os.getpid()}]"
        self._second = -1
        self._written_second = ""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; the message stands there as it was logged, control characters escaped."""
        second = int(record.created)
        if second != self._second:  # most records share their second with the one before
            self._second, self._written_second = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        message = record.getMessage()
        if not message.isprintable():
            message = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in message)
        moment = f"{self._written_second}.{int(record.msecs):03d}Z"
        line = f"{moment} {record.levelname:<7} {self._process} {message}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return without_tokens(line)


def configure(settings: Settings, name: str, *, stream: TextIO | None = None) -> None:
    """Send all records of this process to a stream, standard error by default.

    Args:
        settings: level and format.
        name: what this process is called in its lines, such as ``worker``; its process id stands beside it.
        stream: where to.
    """
    handler = LineHandler(stream or sys.stderr)
    handler.setFormatter(json_formatter(name) if settings.log_format == "json" else TextFormatter(name))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for library in _NOISY:
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def json_formatter(name: str) -> logging.Formatter:
    """Make a formatter that writes one JSON object for each record, with the fields of ``extra``."""

    def add_process(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"], event["pid"] = name, os.getpid()
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_moment,
            add_process,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(serializer=_write_json),
        ],
    )


def _add_moment(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    record: logging.LogRecord = event["_record"]
    moment = datetime.fromtimestamp(record.created, UTC)
    event["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _write_json(event: structlog.typing.EventDict, **_options: object) -> str:
    return without_tokens(msgspec.json.encode(event, enc_hook=str).decode())
