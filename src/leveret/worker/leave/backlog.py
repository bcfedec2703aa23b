"""How many bytes of responses the broker has not confirmed yet, and who waits until there are fewer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

MOST_UNSENT: Final = 16 * 1024 * 1024
"""Bytes of responses that may wait for the broker's confirm; at this limit, no request begins."""


class Backlog:
    """Bytes of responses between the lane that made them and the broker's confirm.

    During an alarm at the broker, or on a slow connection, it holds up requests whose responses would only fill memory.

    No waiter misses that there is room again, because each side writes first and then reads: a waiter sets
    ``waited_for`` and then reads the sizes; the event loop lowers a size and then reads ``waited_for``.

    Args:
        wake: makes all lanes look for work again; called in the event loop.
        most: bytes at which the backlog is full.

    Attributes:
        most: bytes at which the backlog is full.
        made: bytes that lanes have made and the event loop has not taken over. Changed with ``lock`` held: a lane adds
            to it, and the event loop takes from it after it has added to ``sending``.
        sending: bytes that wait for the broker's confirm; only the event loop sets it.
        waited_for: whether somebody found the backlog full. Whoever then lowers a size calls ``go_on``.
        lock: guards ``made``.
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
        """Whether no request may begin."""
        # `made` is read first: bytes that move from there to `sending` meanwhile count twice, but are never left out.
        return self.made + self.sending >= self.most and not self._closed

    def stalls(self) -> bool:
        """Return whether the backlog is full; called in a lane. All lanes are woken when there is room again."""
        self.waited_for = True
        return self.full

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call a function as soon as there is room; only while the backlog is full."""
        self._when_room.append(callback)
        self.waited_for = True

    def close(self) -> None:
        """Count as not full from now on, because lanes do what is ready before they end."""
        self._closed = True
        self.go_on()

    def go_on(self) -> None:
        """Wake all waiters, unless the backlog is still full; called in the event loop."""
        if self.full:
            return
        self.waited_for = False  # before anybody is woken: a waiter may find it full again
        self._wake()
        while self._when_room and not self.full:
            self._when_room.pop(0)()
        if self._when_room:
            self.waited_for = True
