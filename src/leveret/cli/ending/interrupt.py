"""Makes Ctrl-C end the process at once and silently while a command only imports modules.

Imports nothing but the standard library, so that it is ready before anything else is imported.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once and silently in the block, in which it only imports modules."""
    end_at_interrupt()
    try:
        yield
    finally:
        _change(signal.SIG_DFL, signal.default_int_handler)


def end_at_interrupt() -> None:
    """Let Ctrl-C end the process at once and silently from now on."""
    _change(signal.default_int_handler, signal.SIG_DFL)


def _change(before: Any, after: Any) -> None:
    """Change what Ctrl-C does, but only in the main thread, and only if its present handler is ``before``."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == before:
        signal.signal(signal.SIGINT, after)
