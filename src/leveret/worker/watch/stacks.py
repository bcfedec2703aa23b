"""Where threads are at this moment: functions and places, but no values."""

from __future__ import annotations

import sys
import threading
import traceback
from pathlib import Path
from typing import Final

_DEEPEST: Final = 30
"""The most calls of one thread; the innermost ones show where it hangs."""


def stack_of(ident: int) -> str:
    """Return where a thread is, its innermost call first: ``wait (threading.py:320) < read (client.py:7)``."""
    frame = sys._current_frames().get(ident)
    calls = traceback.extract_stack(frame, _DEEPEST) if frame else []
    return " < ".join(f"{call.name} ({Path(call.filename).name}:{call.lineno})" for call in reversed(calls))


def stacks(prefix: str) -> str:
    """Return where the threads are whose names begin with a prefix."""
    found = [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]
    return "; ".join(f"{thread.name}: {stack_of(thread.ident or 0)}" for thread in found)
