"""How much work something is, counted instead of timed: the same on a busy machine as on an idle one."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import leveret

OURS = str(Path(leveret.__file__).parent)


class Calls:
    """How many functions our code has called, its own and those in C."""

    def __init__(self) -> None:
        self.count = 0

    def each(self, messages: int) -> float:
        """How many for each message."""
        return self.count / messages

    def note(self, frame: FrameType, event: str, _what: Any) -> None:
        """Take what the interpreter tells of."""
        if event in ("call", "c_call") and frame.f_code.co_filename.startswith(OURS):
            self.count += 1


@contextmanager
def counting() -> Iterator[Calls]:
    """Count the calls that code in `leveret` makes meanwhile in this thread."""
    calls, before = Calls(), sys.getprofile()
    gc.disable()  # what the collector calls is not their doing
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        gc.enable()
