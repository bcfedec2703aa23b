"""Counts function calls, to measure work in a way that is the same on a busy and on an idle machine."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import leveret

OURS = str(Path(leveret.__file__).parent)


class CallCounter:
    """Counts how many functions our code calls, its own functions and those in C."""

    def __init__(self) -> None:
        self.count = 0

    def each(self, messages: int) -> float:
        """Return the number of calls for each message."""
        return self.count / messages

    def note(self, frame: FrameType, event: str, _what: Any) -> None:
        """Take an event of the interpreter; see `sys.setprofile`."""
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(OURS):
            self.count += 1


@contextmanager
def counting() -> Iterator[CallCounter]:
    """Count the calls that code in `leveret` makes in this thread while the block runs."""
    calls, before = CallCounter(), sys.getprofile()
    gc.disable()  # calls of the collector do not count
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        gc.enable()
