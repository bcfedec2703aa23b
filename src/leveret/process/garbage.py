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
"""Bytes of a large block. The hash of a password needs 19 MiB; a request needs far less."""


@contextmanager
def without_collection() -> Iterator[None]:
    """Switch the garbage collector off in a block of imports, which make many objects and hardly any garbage."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def live_long() -> None:
    """Prepare a process that runs for days; call it when everything is imported.

    Objects that exist now are never searched for garbage again. Modules stay anyway, and a full search through them
    would delay every request by tens of milliseconds.

    Large blocks go back to the system as soon as they are free (Linux with glibc). Without this, glibc raises its limit
    for large blocks with the first of them, and each thread that ever hashed a password keeps 19 MiB.
    """
    gc.freeze()
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:  # other C libraries do not have it
            mallopt(_MMAP_THRESHOLD, _LARGE)
