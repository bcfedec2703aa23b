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

    Nobody misses that there is room again, because each side writes first and then looks: who waits sets
    ``waited_for`` and then reads the sizes; the event loop lowers a size and then reads ``waited_for``.

    Args:
        wake: has all lanes look for work again; called in the event loop.
        most: bytes at which it is full.

    Attributes:
        most: bytes at which it is full.
        made: bytes that lanes have made and the event loop has not taken over. Changed with ``lock`` held: a lane adds
            to it, and the event loop takes from it after it has added to ``sending``.
        sending: bytes that wait for the broker's confirm; only the event loop sets it.
        waited_for: somebody found it full. Whoever lowers a size calls ``go_on`` where this is true.
        lock: of ``made``.
    """

    def __init__(self, wake: Callable[[], None], most: int = MOST_UNSENT) -> None:
        self.most = most
        self.made = 0
        self.sending = 0
        self.waited_for = False
        self.lock = threading.Lock()
        self._wake = wake
        self._closed = False
        self._when_room: list[Callable[[], None]] = []

    @property
    def full(self) -> bool:
        """Whether nothing is to begin."""
        # `made` is read first: what moves from there to `sending` meanwhile counts twice, and never not at all.
        return self.made + self.sending >= self.most and not self._closed

    def stalls(self) -> bool:
        """Say in a lane whether it is full; all lanes are woken when it no longer is."""
        self.waited_for = True
        return self.full

    def when_room(self, callback: Callable[[], None]) -> None:
        """Have a function called as soon as it is no longer full; it is full now."""
        self._when_room.append(callback)
        self.waited_for = True

    def close(self) -> None:
        """Be full no more: what is there is done before the end."""
        self._closed = True
        self.go_on()

    def go_on(self) -> None:
        """Wake who waits unless it is still full; called in the event loop."""
        if self.full:
            return
        self.waited_for = False  # before anybody is woken, who may find it full again
        self._wake()
        while self._when_room and not self.full:
            self._when_room.pop(0)()
        if self._when_room:
            self.waited_for = True
