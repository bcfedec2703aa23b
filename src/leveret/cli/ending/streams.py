"""Makes the standard streams safe: closed ones, full ones, those without a reader, and those of a narrow encoding."""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STANDARD: Final = (0, 1, 2)
"""Descriptors of standard input, output and error."""

_TELL_LIMIT: Final = 5.0
"""Seconds that writing a message to standard error may take, because a command must end even if nobody reads it."""


class OutputLost(Exception):
    """Standard output cannot be written.

    This is not an OSError, so that nobody takes it for an error of a file or a connection.

    Attributes:
        reader_gone: whether the reader has closed the stream, as ``head`` does; that needs no message.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output could not be written: {error.strerror or error}")
        gone = isinstance(error, BrokenPipeError | ConnectionResetError)
        self.reader_gone = gone or (sys.platform == "win32" and error.winerror is None and error.errno == 22)


class _Output(io.FileIO):
    """A standard stream that, after its first failure, accepts and drops everything, even when the interpreter ends."""

    def __init__(self, descriptor: int, *, reported: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._reported = reported
        self._lost = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write the data, or drop it after a failure.

        Raises:
            OutputLost: the first write fails, and this stream reports failures.
        """
        try:
            return memoryview(data).nbytes if self._lost else self._write(data)
        except OSError as error:
            self._lost = True
            if self._reported:
                raise OutputLost(error) from error
            return memoryview(data).nbytes

    def _write(self, data: ReadableBuffer) -> int:
        written: int | None
        while (written := super().write(data)) is None:  # another program has made it non-blocking
            select.select([], [self], [])
        return written


def prepare_streams() -> None:
    """Make the standard streams safe to use.

    A closed stream is opened on the null device; otherwise a database or a connection could get its descriptor, and
    messages would be written there. Characters that the encoding does not have are escaped. Standard output raises
    ``OutputLost`` once if it cannot be written; messages that standard error cannot take are dropped.

    Streams that replace the interpreter's own ones are not changed.
    """
    for descriptor in STANDARD:
        _open_if_closed(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - it stays open until the process ends
    if sys.stdout is sys.__stdout__:
        sys.stdout = _checked(sys.stdout, 1, reported=True)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _checked(sys.stderr, 2, reported=False)


def tell(text: str) -> None:
    """Write a message to standard error; return after some seconds even if nobody reads it."""
    writer = threading.Thread(target=_write_error, args=(text,), name="message", daemon=True)
    try:
        writer.start()
    except RuntimeError:  # no thread can be started, for instance while the interpreter ends
        _write_error(text)
    else:
        writer.join(_TELL_LIMIT)


def _write_error(text: str) -> None:
    """Write past Python's buffer, because no thread may hold the lock of that buffer when the interpreter ends."""
    stream = sys.stderr
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.write(text.encode(stream.encoding, "backslashreplace"))
    else:
        stream.write(text)


def _open_if_closed(descriptor: int) -> None:
    """Open a closed descriptor on the null device; standard output for reading only, so that writing to it fails."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR if descriptor == 2 else os.O_RDONLY)  # gets the lowest free number
        os.set_inheritable(opened, True)  # noqa: FBT003 - it takes nothing else


def _checked(stream: TextIO | None, descriptor: int, *, reported: bool) -> TextIO:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
        if type(getattr(stream.buffer, "raw", stream.buffer)) is not io.FileIO:  # a console on Windows
            return stream
    terminal = os.isatty(descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(descriptor, reported=reported)),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=terminal or not reported,
        write_through=isinstance(stream, io.TextIOWrapper) and stream.write_through,
    )
