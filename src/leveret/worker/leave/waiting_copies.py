"""Copies of letters that wait for their stream: no more than fit in memory. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from leveret.amqp import Message

MOST_COPIES: Final = 1_000
MOST_BYTES: Final = 16 * 1024 * 1024
"""How many copies may wait, and how many bytes of them; further letters are not copied."""

AT_ONCE: Final = 100
"""Copies that are published together."""

TRIES: Final = 3
"""How often a copy is published alone before it is left out: it may be what its stream does not take."""


class WaitingCopies:
    """Copies of letters, the oldest first.

    Attributes:
        tries: how often the oldest one could not be published.
        left_out: how many letters have got no copy so far.
    """

    def __init__(self) -> None:
        self._copies: deque[Message] = deque()
        self._bytes = 0
        self.tries = 0
        self.left_out = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._copies)

    def add(self, copies: Sequence[Message]) -> None:
        """Let copies wait; leave out those for which there is no room."""
        for copy in copies:
            if len(self._copies) < MOST_COPIES and self._bytes + len(copy.body) <= MOST_BYTES:
                self._copies.append(copy)
                self._bytes += len(copy.body)
            else:
                self.left_out += 1

    def next(self) -> list[Message]:
        """Return those that should be published now: several, or after a failure the oldest one alone."""
        count = 1 if self.tries else AT_ONCE
        return [self._copies[at] for at in range(min(count, len(self._copies)))]

    def done(self, count: int) -> None:
        """Forget the oldest ones: they are published."""
        for _ in range(count):
            self._bytes -= len(self._copies.popleft().body)
        self.tries = 0

    def failed(self) -> None:
        """Note that the oldest one could not be published, perhaps through its own fault."""
        if self.tries < TRIES:
            self.tries += 1
        else:
            self.done(1)
            self.left_out += 1

    def leave_out(self) -> None:
        """Leave out all that wait."""
        self.left_out += len(self)
        self.done(len(self))
