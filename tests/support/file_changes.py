"""Which files of a worker a request passes, in order: what somebody has to open who follows it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any, Final

import leveret

OURS: Final = Path(leveret.__file__).parent
LEFT_OUT: Final = ("amqp", "broker", "client", "devbroker", "process", "sql", "topology.py")
"""Rooms that are not the worker's own way: the driver, SQL, and what a caller and a test need."""


class FileTrail:
    """The files in which functions are called while it records, in all threads that begin after it.

    A function that is called, and a generator that goes on, is a step; a return is none. Steps that follow one another
    in the same file are one visit of it.
    """

    def __init__(self) -> None:
        self._steps: list[str] = []
        self._records = False

    @property
    def visits(self) -> list[str]:
        """The files, in the order in which they were visited."""
        return [name for name, _ in groupby(self._steps)]

    @contextmanager
    def in_new_threads(self) -> Iterator[None]:
        """Follow threads that are started within the block."""
        threading.setprofile(self._note)
        try:
            yield
        finally:
            threading.setprofile(None)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record in this thread and in those that are followed, from the beginning anew."""
        before = sys.getprofile()
        self._steps.clear()
        self._records = True
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(before)
            self._records = False

    def _note(self, frame: FrameType, event: str, _what: Any) -> None:
        if event != "call" or not self._records:
            return
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(OURS) and (parts := path.relative_to(OURS).parts)[0] not in LEFT_OUT:
            self._steps.append("/".join(parts))
