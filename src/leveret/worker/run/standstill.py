"""Moving requests on, to a retry queue or to the dead letters, while nothing runs that could end the worker.

The message that moves a request on is published and confirmed before the request is acked; otherwise it could be lost.
A worker that dies in between leaves both: the request is delivered and fails again, and then there are two letters for
one failure. What ends workers are requests that run. So requests are moved on while no ``def`` action runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from leveret.worker.leave.settle import Settlement
from leveret.worker.run.lull import Lull
from leveret.worker.run.patience import Patience


class Standstill:
    """Has no request begin from the moment when one has to be moved on to the acks of all that are moved.

    They are published as soon as the lanes are idle. For that, and then for the confirms, it waits as long as there is
    patience.

    Args:
        lull: says when no lane runs anything.
        carry_out: publishes the outcomes of requests that are moved on, all together.
        when_settled: has a function called when all that was published before is confirmed and acked.
        hold: has nothing begin.
        release: has requests begin again.
    """

    def __init__(
        self,
        lull: Lull,
        *,
        carry_out: Callable[[list[Settlement]], None],
        when_settled: Callable[[Callable[[], None]], None],
        hold: Callable[[], None],
        release: Callable[[], None],
    ) -> None:
        self._lull = lull
        self._carry_out = carry_out
        self._when_settled = when_settled
        self._hold = hold
        self._release = release
        self._patience = Patience("confirms of moved requests", self._give_up, lambda: self._confirmed)
        self._waiting: list[Settlement] = []
        self._unsettled = 0
        self._confirmed = 0
        self._held = False

    def move(self, settlements: Sequence[Settlement]) -> None:
        """Carry out outcomes as soon as no lane runs anything, and have nothing begin until they are settled."""
        self._waiting += settlements
        if self._lull.lost or self._patience.lost:
            self._move_all()
            return
        if not self._held:
            self._held = True
            self._hold()
        self._lull.wait(self._move_all)

    def end(self) -> None:
        """Carry nothing out any more: the session is over, and the broker delivers again what was not acked."""
        self._waiting.clear()
        self._patience.end()

    def _move_all(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        self._unsettled += 1
        self._carry_out(waiting)
        self._when_settled(self._settled)
        if self._lull.lost:
            self._go_on()
        elif self._held:
            self._patience.begin()

    def _settled(self) -> None:
        self._unsettled -= 1
        if not self._unsettled:
            self._patience.end()
            if not self._waiting:
                self._go_on()
        self._confirmed += 1

    def _give_up(self) -> None:
        self._lull.forget(self._move_all)
        self._move_all()
        self._go_on()

    def _go_on(self) -> None:
        self._patience.end()
        if self._held:
            self._held = False
            self._release()
