"""The three standard streams, whatever state they are in: closed, full, without a reader, or not able to say it all."""

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
"""Descriptors of input, output and errors."""

_TELLING: Final = 5.0
"""Seconds for a message on standard error; who does not read it must not keep the command from its end."""


class OutputLost(Exception):
    """Standard output cannot be written.

    Not an OSError, so that nobody takes it for one of a file or a connection.

    Attributes:
        reader_gone: whoever read it has closed it, as ``head`` does; nobody has to be told.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output could not be written: {error.strerror or error}")
        gone = isinstance(error, BrokenPipeError | ConnectionResetError)
        self.reader_gone = gone or (sys.platform == "win32" and error.winerror is None and error.errno == 22)


class _Output(io.FileIO):
    """A standard stream. After the first failure everything is taken and dropped, at the interpreter's end too."""

    def __init__(self, descriptor: int, *, reported: bool) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._reported = reported
        self._lost = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or drop.

        Raises:
            OutputLost: the first time that it fails, where failures are reported.
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
        while (written := super().write(data)) is None:  # somebody has made it non-blocking
            select.select([], [self], [])
        return written


def prepare_streams() -> None:
    """Make the standard streams safe to use.

    A closed one is opened on the null device, so that no database and no connection gets its descriptor, which messages
    would then be written into. What an encoding cannot say is escaped. An output that fails raises ``OutputLost`` once;
    messages on standard error that nobody can get are dropped.

    Streams that somebody has put in the place of the interpreter's own stay as they are.
    """
    for descriptor in STANDARD:
        _open_if_closed(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - a descriptor, for as long as we live
    if sys.stdout is sys.__stdout__:
        sys.stdout = _checked(sys.stdout, 1, reported=True)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _checked(sys.stderr, 2, reported=False)


def tell(text: str) -> None:
    """Write a message to standard error; return after some seconds even if nobody reads."""
    speaker = threading.Thread(target=_write_error, args=(text,), name="message", daemon=True)
    try:
        speaker.start()
    except RuntimeError:  # there is no thread to be had, as at the end of the interpreter
        _write_error(text)
    else:
        speaker.join(_TELLING)


def _write_error(text: str) -> None:
    """Write past Python's buffer, whose lock must not be held by a thread at the end of the interpreter."""
    stream = sys.stderr
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.write(text.encode(stream.encoding, "backslashreplace"))
    else:
        stream.write(text)


def _open_if_closed(descriptor: int) -> None:
    """Open a closed descriptor on the null device; the output so that writing fails and is reported."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR if descriptor == 2 else os.O_RDONLY)  # gets the lowest free number
        os.set_inheritable(opened, True)  # noqa: FBT003 - it takes nothing else


def _checked(stream: TextIO | None, descriptor: int, *, reported: bool) -> TextIO:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
        if type(getattr(stream.buffer, "raw", stream.buffer)) is not io.FileIO:  # a console of Windows
            return stream
    terminal = os.isatty(descriptor)
    return io.TextIOWrapper(
        io.BufferedWriter(_Output(descriptor, reported=reported)),
        encoding=stream.encoding if stream is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=terminal or not reported,
        write_through=isinstance(stream, io.TextIOWrapper) and stream.write_through,
    )
