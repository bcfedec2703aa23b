"""What tells the time. Tests have another clock, which they move; everything else has the machine's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

from msgspec import Struct


class Cancellable(Protocol):
    """A call that is made later, unless it is cancelled before."""

    def cancel(self) -> None:
        """Do not make the call."""


def call_at(moment: float, callback: Callable[[], object]) -> Cancellable:
    """Call a function at a moment on the running loop's clock."""
    return asyncio.get_running_loop().call_at(moment, callback)


class Clock(Struct, frozen=True):
    """Functions that tell the time.

    Attributes:
        posix: POSIX time in seconds, as it stands in deadlines, tokens and letters.
        steady: the seconds of a clock that never goes back; may be called in any thread.
        call_at: calls a function in the event loop at a moment on the clock ``steady``.
    """

    posix: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    call_at: Callable[[float, Callable[[], object]], Cancellable] = call_at


MACHINE: Final = Clock()
"""The machine's clock."""


def loop_clock() -> Clock:
    """Return the machine's clock, with the running event loop's own time as ``steady``, for that loop's thread only."""
    loop = asyncio.get_running_loop()
    return Clock(time.time, loop.time, loop.call_at)
