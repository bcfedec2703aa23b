"""A password hasher that counts its hashes, and holds them back while its gate is closed."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher

LIMIT = 20.0
"""Seconds that a test waits, at most, until hashes begin."""


class GateHasher:
    """Makes real hashes with the least possible work; while it is `closed`, every hash waits until `open`."""

    def __init__(self) -> None:
        self.closed = False
        self.hashed = self.verified = 0
        self.most_at_once = self._running = 0
        self._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        self._changed = threading.Condition()

    def hash(self, password: str, /) -> str:
        self._pass("hashed")
        return self._hasher.hash(password)

    def verify(self, kept: str, password: str, /) -> bool:
        self._pass("verified")
        return self._hasher.verify(kept, password)

    def open(self) -> None:
        """Let all hashes that wait go on, and all later ones."""
        with self._changed:
            self.closed = False
            self._changed.notify_all()

    def wait_for(self, running: int) -> None:
        """Wait until that many hashes have begun and not ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._running >= running, LIMIT), "hashes did not begin"

    def _pass(self, what: str) -> None:
        with self._changed:
            setattr(self, what, getattr(self, what) + 1)
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self.closed)
            self._running -= 1
