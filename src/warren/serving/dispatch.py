"""From deliveries to settled outcomes, within one session: intake, lanes and calls, decision, settlement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from warren.amqp import Delivery
from warren.errors import Internal
from warren.inbox import Answered, Deadly, Failed, Result
from warren.outcome import Answer, DeadLetter, Outcome, PutBack
from warren.retry import RetryPolicy, decide
from warren.serving.calls import Calls
from warren.serving.intake import Declined, Intake, Work
from warren.serving.lane import Finished, Lanes
from warren.serving.settle import Settlement, Settler, Unsettled

C = TypeVar("C")
S = TypeVar("S")

logger: Final = logging.getLogger("warren.worker")


class Dispatcher(Generic[C, S]):
    """Takes the deliveries of one session and sees each to its end.

    Args:
        intake: checks deliveries.
        lanes: runs ``def`` actions.
        calls: runs ``async def`` actions.
        policy: limits of retrying.
        unsettled: the deliveries in hand.
        settler: carries outcomes out.
        on_outage: told when the database does not answer, and for which request that was seen.
        on_broken: told when deliveries cannot be settled: the session has to end, so that they come again.
    """

    def __init__(
        self,
        *,
        intake: Intake[C, S],
        lanes: Lanes[C],
        calls: Calls[C, S],
        policy: RetryPolicy,
        unsettled: Unsettled,
        settler: Settler,
        on_outage: Callable[[str, Work], None],
        on_broken: Callable[[str], None],
    ) -> None:
        self._intake = intake
        self._lanes = lanes
        self._calls = calls
        self._policy = policy
        self._unsettled = unsettled
        self._settler = settler
        self._on_outage = on_outage
        self._on_broken = on_broken
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False

    def take(self, deliveries: list[Delivery]) -> None:
        """Begin with the deliveries of one read."""
        declined: list[Settlement] = []
        for delivery in deliveries:
            self._unsettled.add(delivery.delivery_tag)
            item = self._intake.take(delivery)
            if isinstance(item, Declined):
                declined.append((item, item.outcome))
            elif item.action.is_async:
                self._call(item)
            else:
                self._lanes.submit(self._intake.job(item), (self, item))
        if declined:
            self._settler.settle(declined)

    def finish(self, results: list[tuple[Work, Result]]) -> None:
        """Settle what a batch or a call has come to; nothing once the session is over."""
        if self._over:
            return
        try:
            self._finish(results)
        except Exception as error:
            logger.exception("requests cannot be settled")
            self._on_broken(f"requests cannot be settled: {error}")

    def _finish(self, results: list[tuple[Work, Result]]) -> None:
        settlements: list[Settlement] = []
        for work, result in results:
            outcome = self._outcome(work, result)
            settlements.append((work, outcome))
            if isinstance(outcome, PutBack):
                self._on_outage(outcome.reason, work)
        self._settler.settle(settlements)

    def end(self) -> None:
        """Give up what is in hand, because the session is over; the broker delivers it again."""
        self._over = True
        for task in self._tasks:
            task.cancel()

    def _call(self, work: Work) -> None:
        async def run() -> None:
            result: Result
            try:
                result = await self._calls.run(work)
            except asyncio.CancelledError as error:
                if self._over:
                    raise
                result = Failed(error)  # the action's own doing
            self.finish([(work, result)])

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _outcome(self, work: Work, result: Result) -> Outcome:
        match result:
            case Answered(response, code, replayed):
                return Answer(response, code, replayed)
            case Failed(error):
                return decide(error, work.request.id, work.retries, self._policy)
            case Deadly(deaths):
                return DeadLetter(f"{deaths} workers died while they ran this request", Internal.code)


def hand_out(finished: Finished) -> None:
    """Give the results of a lane's batch to those who wait: futures, or dispatchers with their work."""
    by_dispatcher: dict[Dispatcher[Any, Any], list[tuple[Work, Result]]] = {}
    for waiter, result in finished:
        if isinstance(waiter, asyncio.Future):
            if not waiter.done():
                waiter.set_result(result)
        else:
            dispatcher, work = waiter
            by_dispatcher.setdefault(dispatcher, []).append((work, result))
    for dispatcher, results in by_dispatcher.items():
        dispatcher.finish(results)
