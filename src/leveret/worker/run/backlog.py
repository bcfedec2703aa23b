"""How much of what lanes have answered is not with the broker yet, and who waits for that to become less."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

MOST_UNSENT: Final = 16 * 1024 * 1024
"""Bytes of responses that may wait for the broker's confirm; while there are more, nothing begins."""


class Backlog:
    """Bytes of responses between the lane that made them and the broker's confirm.

    A slow connection, or an alarm at the broker, so holds up what would only be kept in memory.

    Args:
        wake: has all lanes look for work again; called in the event loop.
        most: bytes at which it is full.
    """

    def __init__(self, wake: Callable[[], None], most: int = MOST_UNSENT) -> None:
        self._wake = wake
        self._most = most
        self._lock = threading.Lock()
        self._made = self._sending = 0
        self._stalled = threading.Event()  # a lane found it full
        self._closed = False
        self._when_room: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """Whether nothing is to begin."""
        return self._made + self._sending >= self._most and not self._closed

    def stalls(self) -> bool:
        """Say in a lane whether it is full; all lanes are woken when it no longer is."""
        with self._lock:
            if self.full:
                self._stalled.set()
            return self.full

    def made(self, size: int) -> None:
        """Count responses that a lane has made; in its thread."""
        with self._lock:
            self._made += size

    def handed_over(self, size: int) -> None:
        """Count no longer what a lane has made: whoever waited for it has it, and tells how much is being sent."""
        with self._lock:
            self._made -= size
        self._go_on()

    def sending(self, size: int) -> None:
        """Say how many bytes wait for the broker's confirm now."""
        self._sending = size
        self._go_on()

    def when_room(self, callback: Callable[[], None]) -> None:
        """Have a function called as soon as it is no longer full; it is full now."""
        self._when_room.append(callback)

    def close(self) -> None:
        """Be full no more: what is there is done before the end."""
        self._closed = True
        self._go_on()

    def _go_on(self) -> None:
        with self._lock:
            if self.full:
                return
            stalled = self._stalled.is_set()
            self._stalled.clear()
        if stalled:
            self._wake()
        while self._when_room and not self.full:
            self._when_room.pop(0)()
