"""What a program tells Python's garbage collector and its C library about its memory."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""``M_MMAP_THRESHOLD`` of mallopt(3)."""

_LARGE: Final = 1024 * 1024
"""Bytes. To hash a password takes 19 MiB; what a request takes is far smaller."""


@contextmanager
def without_collection() -> Iterator[None]:
    """Import in this block: imports make many objects and leave next to no garbage that would be worth a search."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def live_long() -> None:
    """Prepare a process that runs for days, once all is imported.

    What exists now is never searched for garbage again: modules stay anyway, and a full search through them holds every
    request up for tens of milliseconds.

    Large blocks go back to the system as soon as they are free (Linux with glibc). Otherwise glibc raises its limit for
    that with the first of them, and then each thread that ever hashed a password keeps 19 MiB for good.
    """
    gc.freeze()
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # other C libraries have none
            mallopt(_MMAP_THRESHOLD, _LARGE)
