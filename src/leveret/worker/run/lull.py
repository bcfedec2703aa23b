"""Waiting for a moment in which no lane runs anything."""

from __future__ import annotations

from collections.abc import Callable

from leveret.worker.run.lanes import Lanes
from leveret.worker.run.patience import Patience


class Lull:
    """Calls functions when no lane runs anything, not even for an earlier session, or when patience is lost.

    Args:
        lanes: where requests run. As long as they end there nobody waits in vain.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._patience = Patience("running actions", self._call, lambda: lanes.progress)
        self._waiting: list[Callable[[], None]] = []
        self._registered = False

    @property
    def lost(self) -> bool:
        """Whether nobody waits at present, because it was in vain before."""
        return self._patience.lost

    def wait(self, callback: Callable[[], None]) -> None:
        """Have a function called as soon as the lanes are idle or patience is lost; at once when that is so."""
        if not self._lanes.busy or self.lost:
            callback()
            return
        self._waiting.append(callback)
        self._patience.begin()
        if not self._registered:
            self._registered = True
            self._lanes.when_idle(self._idle)

    def forget(self, callback: Callable[[], None]) -> None:
        """Do not call a function that waits."""
        self._waiting = [waiting for waiting in self._waiting if waiting != callback]
        if not self._waiting:
            self._patience.end()

    def end(self) -> None:
        """Call nothing any more."""
        self._waiting.clear()
        self._patience.end()

    def _idle(self) -> None:
        self._registered = False
        self._call()

    def _call(self) -> None:
        self._patience.end()
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()
