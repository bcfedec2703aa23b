"""Writing lines in a thread of its own: whoever logs never waits for whoever reads the log."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, TextIO

MOST: Final = 4 * 1024 * 1024
"""Characters that may wait for a reader; with 200 in a line, 20,000 lines."""

PIECE: Final = 4096
"""Bytes that are written at once: a pipe takes that many in one piece (PIPE_BUF on Linux), so that lines of several
processes do not mix."""

LIMIT: Final = 5.0
"""Seconds that an end waits for a reader."""

_Item = str | threading.Event | None
"""A line, an empty text where lines were dropped, what is set when its turn comes, or None at the end."""


class LogWriter:
    """Writes lines to a stream in their order, and drops lines when more wait than may.

    A line in the place of those that are missing says how many they were, as soon as the stream takes lines again. For
    one caller at a time; a logging handler's lock sees to that.

    Args:
        stream: where to. Where it has a descriptor lines go past its buffer, whose lock must not be held by a thread at
            the end of the interpreter.
        say: makes a line of its own from a text, in the thread.
        most: characters that may wait.
    """

    def __init__(self, stream: TextIO, say: Callable[[str], str], *, most: int = MOST) -> None:
        self._stream = stream
        self._write = _write_to(stream)
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._say = say
        self._most = most
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._given = 0
        self._taken = 0  # both in characters; callers change the former, the thread the latter
        self._dropped = 0
        self._told = 0  # both in lines; likewise
        self._failed = 0
        self._trouble = ""
        self._full = False
        self._patience = LIMIT
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def put(self, line: str) -> None:
        """Have a line written, or count it as dropped."""
        if self._has_room(len(line)):
            self._given += len(line)
            self._queue.put(line)
        else:
            self._dropped += 1

    def flush(self) -> None:
        """Wait until what was put before is written; after some seconds without that no later call waits again."""
        written = threading.Event()
        self._queue.put(written)
        self._patience = LIMIT if written.wait(self._patience) else 0.0

    def close(self) -> None:
        """Flush and end the thread; lines that are put later are lost."""
        self.flush()
        self._queue.put(None)

    def _has_room(self, size: int) -> bool:
        """Once it was full it has room when half of it is free, so that lines and gaps do not alternate."""
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
            self._tell()
            if isinstance(item, threading.Event):
                item.set()
        self._write_out(piece)

    def _next(self, *, wait: bool) -> _Item:
        try:
            return self._queue.get(block=wait)
        except Empty:
            return ""

    def _write_out(self, piece: list[bytes]) -> int:
        """Write lines and take them out of the list; returns the size of what is left, which is 0."""
        if self._failed:
            self._tell()
        if piece and not self._is_written(*piece):
            self._failed += len(piece)
        piece.clear()
        return 0

    def _tell(self) -> None:
        """Say how many lines are missing, if that has not been said."""
        dropped = self._dropped
        if missing := dropped - self._told + self._failed:
            text = f"{missing} lines are missing here, because the log could not be written"
            if self._is_written(self._say(text).encode(self._encoding, "backslashreplace")):
                self._told, self._failed = dropped, 0

    def _is_written(self, *lines: bytes) -> bool:
        try:
            self._write(b"".join(lines))
        except Exception as error:  # the reader is gone, the disk is full, the stream is closed, memory is short
            if self._stream is not sys.stderr and str(error) != self._trouble:
                sys.stderr.write(f"the log cannot be written: {error}\n")
            self._trouble = str(error)
            return False
        self._trouble = ""
        return True


def _write_to(stream: TextIO) -> Callable[[bytes], object]:
    """Make what writes bytes to a stream, and waits as long as that takes."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stream in memory, or a closed one
        descriptor = -1
    if descriptor < 0 or sys.platform == "win32":  # a console of Windows takes texts only
        return lambda data: (stream.write(data.decode(stream.encoding or "utf-8", "replace")), stream.flush())
    stream.flush()
    return lambda data: _write_all(descriptor, data)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody has made it non-blocking
            select.select([], [descriptor], [])
