"""Writes log lines in a thread, so that code that logs never waits for the program that reads the log."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TextIO

MOST: Final = 4 * 1024 * 1024
"""Characters that may wait to be written; that is 20,000 lines of 200 characters."""

PIECE: Final = 4096
"""Bytes that are written at once. A pipe takes that many in one piece (PIPE_BUF on Linux), so that lines of several
processes do not mix."""

LIMIT: Final = 5.0
"""Seconds that a flush waits until the lines are written."""

_Item = str | threading.Event | None
"""Something that waits in the queue.

It is a line; an empty text, which marks that lines were dropped; an event to set when everything before it is written;
or None, which ends the thread.
"""


class LogWriter:
    """Writes lines to a stream in their order, and drops lines when too many wait.

    As soon as the stream takes lines again, one line says how many are missing in its place. Only one thread may call
    the methods at a time; the lock of a logging handler ensures that.

    Args:
        stream: the stream to write to. If it has a descriptor, lines are written past its buffer, because no thread may
            hold the lock of that buffer when the interpreter ends.
        make_line: makes a line from a text; called in the thread.
        most: characters that may wait.
    """

    def __init__(self, stream: TextIO, make_line: Callable[[str], str], *, most: int = MOST) -> None:
        self._stream = stream
        self._write = _write_to(stream)
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._make_line = make_line
        self._most = most
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._given = 0
        self._taken = 0  # characters; callers change the first, the thread changes the second
        self._dropped = 0
        self._reported = 0  # lines; callers change the first, the thread changes the second
        self._failed = 0
        self._last_error = ""
        self._full = False
        self._limit = LIMIT
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def put(self, line: str) -> None:
        """Queue a line for writing, or count it as dropped."""
        if self._has_room(len(line)):
            self._given += len(line)
            self._queue.put(line)
        else:
            self._dropped += 1

    def flush(self) -> None:
        """Wait until all lines that were put before are written.

        The wait ends after some seconds. Later calls then do not wait until lines are written again.
        """
        written = threading.Event()
        self._queue.put(written)
        self._limit = LIMIT if written.wait(self._limit) else 0.0

    def close(self) -> None:
        """Flush, and end the thread; lines that are put later are lost."""
        self.flush()
        self._queue.put(None)

    def _has_room(self, size: int) -> bool:
        """Return whether a line may wait too.

        After the queue was full, that is so only when half of it is free, so that lines and gaps do not alternate.
        """
        waiting = self._given - self._taken
        if not waiting or waiting + size <= (self._most // 2 if self._full else self._most):
            self._full = False
            return True
        if not self._full:
            self._full = True
            self._queue.put("")
        return False

    def _run(self) -> None:
        piece: list[bytes] = []
        size = 0
        while (item := self._next(wait=not piece)) is not None:
            if isinstance(item, str) and item:
                line = item.encode(self._encoding, "backslashreplace")
                if size + len(line) > PIECE:
                    size = self._write_out(piece)
                piece.append(line)
                size += len(line)
                self._taken += len(item)
                continue
            size = self._write_out(piece)
            self._report_missing()
            if isinstance(item, threading.Event):
                item.set()
        self._write_out(piece)

    def _next(self, *, wait: bool) -> _Item:
        try:
            return self._queue.get(block=wait)
        except Empty:
            return ""

    def _write_out(self, piece: list[bytes]) -> int:
        """Write the lines and empty the list; return the size of what is left, which is 0."""
        if self._failed:
            self._report_missing()
        if piece and not self._is_written(*piece):
            self._failed += len(piece)
        piece.clear()
        return 0

    def _report_missing(self) -> None:
        """Write how many lines are missing, unless that was written before."""
        dropped = self._dropped
        if missing := dropped - self._reported + self._failed:
            what = "1 line is" if missing == 1 else f"{missing} lines are"
            text = f"{what} missing here, because the log could not be written"
            if self._is_written(self._make_line(text).encode(self._encoding, "backslashreplace")):
                self._reported, self._failed = dropped, 0

    def _is_written(self, *lines: bytes) -> bool:
        try:
            self._write(b"".join(lines))
        except Exception as error:  # the reader is gone, the disk is full, the stream is closed, or memory is short
            if self._stream is not sys.stderr and str(error) != self._last_error:
                sys.stderr.write(f"the log cannot be written: {error}\n")
            self._last_error = str(error)
            return False
        self._last_error = ""
        return True


def _write_to(stream: TextIO) -> Callable[[bytes], object]:
    """Return a function that writes bytes to a stream, and waits as long as that takes."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stream in memory, or a closed one
        descriptor = -1
    if descriptor < 0 or sys.platform == "win32":  # a console on Windows takes only texts
        return lambda data: (stream.write(data.decode(stream.encoding or "utf-8", "replace")), stream.flush())
    stream.flush()
    return lambda data: _write_all(descriptor, data)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # another program has made the descriptor non-blocking
            select.select([], [descriptor], [])
