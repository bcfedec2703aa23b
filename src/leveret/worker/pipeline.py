"""A worker's pipeline, within one session: the way of a request, from the top of this file to its bottom.

take    deliveries come and are checked; large and redelivered ones are read later (``arrive``)
_let_in a delivery is work, or already has its outcome; the rate limit admits work (``admit``)
begin   work runs at once, unless something has the floor alone, or the work was delivered before
_run    lanes run ``def`` actions, the event loop runs ``async def`` actions (``run``)
ended   results come back from lanes and the event loop
_settle a result becomes an outcome; its messages are published and confirmed, and the delivery is acked (``leave``)
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import Final, TypeVar

from leveret.amqp import Delivery
from leveret.errors import DeadlineExceeded, Internal, RateLimited, StorageUnavailable
from leveret.inbox.batch import AnsweredJob, DeadlyJob, FailedJob, Result
from leveret.observe import Observers, Received
from leveret.outcome import WORKERS_DIED, Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.retry import RetryPolicy, decide, describe, failure_of
from leveret.wire.codec import decode_reply
from leveret.wire.letter import WORKERS_DIED_CODE
from leveret.worker.admit.rate_limits import RateLimits
from leveret.worker.admit.rejections import Rejections, refused
from leveret.worker.arrive.arrivals import Arrivals
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.room import SMALL_BODY, Room
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.settle import Settlement, Settler
from leveret.worker.run.async_actions import AsyncActions
from leveret.worker.run.async_executor import AsyncExecutor
from leveret.worker.run.floor import Floor
from leveret.worker.run.jobs import Jobs
from leveret.worker.run.lanes import Finished, Lanes
from leveret.worker.session import SessionLost
from leveret.worker.work import DeclinedDelivery, RejectedRequest, Work, unread

T = TypeVar("T")

logger: Final = logging.getLogger("leveret.worker")

_MOVES: Final = (Retry, DeadLetter)
"""Outcomes that move a request on, as another message."""


class Pipeline:
    """Takes the deliveries of one session and brings each of them to its end.

    Args:
        intake: checks deliveries.
        jobs: makes jobs of requests.
        lanes: run ``def`` actions.
        executor: runs ``async def`` actions.
        admission: applies rate limits; None if there is none.
        policy: limits the retries of actions without a policy of their own.
        in_hand: the deliveries in hand.
        settler: carries outcomes out.
        room: limits the memory for what is read.
        observers: told about deliveries that are received, and requests that are admitted.
        on_outage: called when the database does not answer.
        on_broken: called when deliveries cannot be settled; the session must end, and then they are delivered again.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        jobs: Jobs,
        lanes: Lanes,
        executor: AsyncExecutor,
        admission: RateLimits | None = None,
        policy: RetryPolicy,
        in_hand: InHand,
        settler: Settler,
        room: Room,
        observers: Observers,
        on_outage: Callable[[str], None],
        on_broken: Callable[[SessionLost], None],
    ) -> None:
        self._intake = intake
        self._jobs = jobs
        self._lanes = lanes
        self._async_actions = AsyncActions(executor, self.ended, lanes.backlog)
        self._admission = admission
        self._policy = policy
        self._in_hand = in_hand
        self._settler = settler
        self._observers = observers
        self._on_outage = on_outage
        self._on_broken = on_broken
        self._running = 0
        self._floor = Floor(
            lanes,
            in_hand,
            running=lambda: self._running,
            begin=self._begin,
            move=partial(self._or_broken, settler.settle),
            cannot_begin=self._not_begun,
            broken=self._break,
        )
        self._rejections = Rejections(lanes, jobs.job, self._settle_rejected, self._not_looked_up)
        self._arrivals = Arrivals(
            lanes,
            self._floor,
            room,
            in_hand=in_hand,
            intake=intake,
            read=partial(self._or_broken, self._read),
            settle=partial(self._or_broken, settler.settle),
            on_outage=on_outage,
        )
        self._open = asyncio.Event()
        self._open.set()

    def take(self, deliveries: list[Delivery]) -> None:
        """Take the deliveries of one read."""
        now = time.monotonic()
        ordinary = [each for each in deliveries if not each.redelivered and len(each.body) <= SMALL_BODY]
        self._tell_received(ordinary, now)
        for delivery in deliveries:
            self._in_hand.add(delivery.delivery_tag)
        if ordinary:
            self._or_broken(self._let_in, list(map(self._intake.take, ordinary, repeat(now))))
        if len(ordinary) < len(deliveries):
            self._arrivals.add([each for each in deliveries if each.redelivered or len(each.body) > SMALL_BODY], now)

    def _read(self, arrived: Sequence[tuple[Delivery, float]]) -> None:
        """Read large and redelivered messages, each with the moment of its arrival."""
        for delivery, moment in arrived:
            self._tell_received([delivery], moment)
        self._let_in([self._intake.take(delivery, moment) for delivery, moment in arrived])

    def _tell_received(self, deliveries: Sequence[Delivery], moment: float) -> None:
        for delivery in deliveries if self._observers.active else ():
            self._observers.tell(Received(unread(delivery, moment)))

    def _let_in(self, items: Sequence[Work | RejectedRequest | DeclinedDelivery]) -> None:
        """Let the work in, look up the rejected requests, and settle the other deliveries."""
        works, declined = list[Work](), list[Settlement]()
        for item in items:
            if isinstance(item, Work):
                works.append(item)
            elif isinstance(item, RejectedRequest):
                self._rejections.add(item)
            else:
                declined.append((item, item.outcome))
        if self._admission is None:
            self.begin(works)
        else:
            self._admission.admit(works, self)
        if declined:
            self._settler.settle(declined)

    def begin(self, works: Sequence[Work]) -> None:
        """Run admitted requests as soon as they may run; do nothing once the session is over."""
        if (self._observers.active or self._observers.sampler) and self._open.is_set():
            self._observers.admit([work.subject for work in works])
        if self._floor.tending is None and not [work for work in works if work.delivery.redelivered]:
            self._begin(works)
        elif self._open.is_set():
            self._floor.admit(works)

    def _begin(self, works: Sequence[Work]) -> None:
        if self._open.is_set():
            self._or_broken(self._run, works)

    def _run(self, works: Sequence[Work]) -> None:
        self._running += len(works)
        jobs = [
            (self._jobs.job(work, wanted=self._open.is_set), (self, work)) for work in works if not work.action.is_async
        ]
        if jobs:
            self._lanes.submit_all(jobs)
        if len(jobs) < len(works):
            self._async_actions.begin([work for work in works if work.action.is_async])

    def ended(self, results: list[tuple[Work, Result]]) -> None:
        """Take the results of requests that have run."""
        for work, result in results:
            if isinstance(result, DeadlyJob):
                end = partial(self._lanes.journal.end, [work.key])
                self._in_hand.when_acked(work.delivery.delivery_tag, end)
        self._settle(results, self._floor.moved)
        self._running -= len(results)
        if self._floor.tending is not None:
            self._floor.look()

    def _not_begun(self, works: Sequence[Work], error: Exception) -> None:
        self.finish([(work, FailedJob(error)) for work in works])

    def finish(self, results: list[tuple[Work, Result]]) -> None:
        """Settle requests that did not run; do nothing once the session is over."""
        self._settle(results, self._settler.settle)

    def _settle(self, results: Sequence[tuple[Work, Result]], move: Callable[[list[Settlement]], None]) -> None:
        if self._open.is_set():
            self._or_broken(partial(self._carry_out, move), results)

    def _carry_out(self, move: Callable[[list[Settlement]], None], results: Sequence[tuple[Work, Result]]) -> None:
        settled: list[Settlement] = []
        moved: list[Settlement] = []
        for work, result in results:
            outcome = self._outcome_or_letter(work, result)
            if isinstance(outcome, PutBack):
                self._on_outage(outcome.reason)
                settled += [(waiting, outcome) for waiting in self._floor.withdraw()]
                settled += self._arrivals.withdraw(outcome)
            ran = not isinstance(result, AnsweredJob)  # an answer becomes a letter only if it was too late to run
            (moved if ran and isinstance(outcome, _MOVES) else settled).append((work, outcome))
        if settled:
            self._settler.settle(settled)
        if moved:
            move(moved)

    def decline(self, work: Work, error: RateLimited) -> None:
        """Refuse a request that is not admitted, unless it was executed before."""
        if not self._open.is_set():
            return
        if work.stores:
            self._rejections.add(RejectedRequest(work, error))
        else:
            self._settle_rejected([(work, refused(work, error))])

    def _settle_rejected(self, settlements: list[Settlement]) -> None:
        """Settle without the floor: these requests did not run, and must not hold up others."""
        if self._open.is_set():
            self._or_broken(self._settler.settle, settlements)

    def _not_looked_up(self, works: Sequence[Work], error: Exception) -> None:
        """Put requests back if their lookup met an outage; give them up if it failed, because they may not run."""
        if isinstance(error, StorageUnavailable):
            self._not_begun(works, error)
        else:
            reason = f"cannot be looked up: {describe(error)}"
            letter = DeadLetter(reason, Internal.code, failure=failure_of(error))
            self._settle_rejected([(work, letter) for work in works])

    def _or_broken(self, step: Callable[[T], None], subject: T) -> None:
        try:
            step(subject)
        except Exception as error:
            self._break(error)

    def _break(self, error: Exception) -> None:
        logger.error("requests cannot be settled", exc_info=error)
        self._on_broken(SessionLost(f"requests cannot be settled: {error}", error))

    def end(self) -> None:
        """Give up what is in hand, because the session is over; the broker delivers it again."""
        self._open.clear()
        self._arrivals.end()
        self._rejections.end()
        self._floor.end()
        self._async_actions.end()

    def _outcome_or_letter(self, work: Work, result: Result) -> Outcome:
        try:
            return self._outcome(work, result)
        except Exception as error:  # the next delivery would fail in the same way
            logger.exception("a request cannot be settled: %s", work.request.id)
            reason = f"cannot be settled: {type(error).__name__}"
            return DeadLetter(reason, Internal.code, failure=failure_of(error))

    def _outcome(self, work: Work, result: Result) -> Outcome:
        match result:
            case AnsweredJob(response, DeadlineExceeded.code) if not work.delivery.properties.reply_to:
                reason = f"{DeadlineExceeded.code}: {decode_reply(response).error}"
                return DeadLetter(reason, code=DeadlineExceeded.code)  # the intake does the same
            case AnsweredJob(response, code, replayed):
                return Answer(response, code, replayed)
            case FailedJob(error):
                module = work.action.function.__module__
                policy = work.action.retry or self._policy
                return decide(error, work.request.id, work.retries, policy, module=module)
            case DeadlyJob(deaths):
                return DeadLetter(f"{deaths} {WORKERS_DIED}", Internal.code, WORKERS_DIED_CODE)


def hand_out(finished: Finished) -> None:
    """Pass the results of a lane on to their waiters: futures, or pipelines with their work."""
    by_pipeline: dict[Pipeline, list[tuple[Work, Result]]] = {}
    for waiter, result in finished:
        if isinstance(waiter, asyncio.Future):
            if not waiter.done():
                waiter.set_result(result)
        else:
            pipeline, work = waiter
            by_pipeline.setdefault(pipeline, []).append((work, result))
    for pipeline, results in by_pipeline.items():
        pipeline.ended(results)
