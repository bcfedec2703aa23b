"""From deliveries to settled outcomes, within one session: intake, lanes and async actions, decision, settlement."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from leveret.amqp import Delivery
from leveret.errors import DeadlineExceeded, Internal, RateLimited, StorageUnavailable
from leveret.inbox.batch import AnsweredJob, DeadlyJob, FailedJob, Result
from leveret.observe import Admitted, Observers, Received
from leveret.outcome import WORKERS_DIED, WORKERS_DIED_READING, Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.retry import RetryPolicy, decide, describe, failure_of
from leveret.wire.codec import decode_reply
from leveret.wire.letter import WORKERS_DIED_CODE
from leveret.worker.admit.admission import Admission
from leveret.worker.admit.rejections import Rejections, refused
from leveret.worker.arrive.arrivals import Arrivals, reading_key
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
from leveret.worker.work import RejectedRequest, Work, unread

T = TypeVar("T")

logger: Final = logging.getLogger("leveret.worker")

_MOVES: Final = (Retry, DeadLetter)
"""Outcomes by which a request lives on as another message."""


class Dispatcher:
    """Takes the deliveries of one session and sees each to its end.

    Args:
        intake: checks deliveries.
        jobs: makes jobs of requests.
        lanes: runs ``def`` actions.
        executor: runs ``async def`` actions.
        admission: applies the rate limit; None where there is none.
        policy: limits of retrying.
        in_hand: the deliveries in hand.
        settler: carries outcomes out.
        room: for what is read.
        observers: told of deliveries that are received, and of requests that are admitted.
        on_outage: told when the database does not answer.
        on_broken: told when deliveries cannot be settled: the session has to end, so that they come again.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        jobs: Jobs,
        lanes: Lanes,
        executor: AsyncExecutor,
        admission: Admission | None = None,
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
        self._arrived: dict[int, float] = {}  # of deliveries that are not read at once
        self._on_outage = on_outage
        self._on_broken = on_broken
        self._floor = Floor(
            lanes,
            in_hand,
            begin=self._begin,
            move=partial(self._or_broken, settler.settle),
            cannot_begin=self._not_begun,
        )
        self._rejections = Rejections(lanes, jobs.job, self._settle_rejected, self._not_looked_up)
        self._arrivals = Arrivals(
            lanes,
            self._floor,
            room,
            read=partial(self._or_broken, self._read),
            give_up=self._give_up_unread,
            failed=self._not_on_record,
        )
        self._over = False

    def take(self, deliveries: list[Delivery]) -> None:
        """Begin with the deliveries of one read."""
        now = time.monotonic()
        for delivery in deliveries:
            self._in_hand.add(tag := delivery.delivery_tag)
            if len(delivery.body) > SMALL_BODY:
                self._in_hand.when_released(tag, self._arrivals.left)
            if len(delivery.body) > SMALL_BODY or delivery.redelivered:
                self._arrived[tag] = now
        self._arrivals.add(deliveries)

    def _read(self, deliveries: Sequence[Delivery]) -> None:
        declined, works = list[Settlement](), list[Work]()
        now = time.monotonic()
        for delivery in deliveries:
            arrived = self._arrived.pop(delivery.delivery_tag, now)
            if self._observers.active:
                self._observers.tell(Received(unread(delivery, arrived)))
            item = self._intake.take(delivery, arrived)
            if isinstance(item, Work):
                works.append(item)
            elif isinstance(item, RejectedRequest):
                self._rejections.add(item)
            else:
                declined.append((item, item.outcome))
        if self._admission is None:
            self.begin(works)
        else:
            for work in works:
                self._admission.admit(work, self)
        if declined:
            self._settler.settle(declined)

    def _give_up_unread(self, delivery: Delivery, deaths: int) -> None:
        end = partial(self._lanes.journal.end, [reading_key(delivery)])
        self._in_hand.when_acked(delivery.delivery_tag, end)
        outcome = DeadLetter(f"{deaths} {WORKERS_DIED_READING}", Internal.code, WORKERS_DIED_CODE)
        self._or_broken(self._settler.settle, self._unread([delivery], outcome))

    def _not_on_record(self, deliveries: Sequence[Delivery], error: Exception) -> None:
        """In an outage nothing is read; otherwise what would go on record is read without, rather than never."""
        if isinstance(error, StorageUnavailable):
            outcome = PutBack(describe(error))
            self._on_outage(outcome.reason)
            waiting = [*deliveries, *self._arrivals.withdraw()]
            self._or_broken(self._settler.settle, self._unread(waiting, outcome))
        else:
            logger.info("read without an entry in the crash journal: %s", describe(error))
            self._or_broken(self._read, deliveries)

    def _unread(self, deliveries: Iterable[Delivery], outcome: Outcome) -> list[Settlement]:
        leave, arrived = self._intake.leave_unread, self._arrived
        items = [leave(each, outcome, arrived.pop(each.delivery_tag, 0.0)) for each in deliveries]
        return [(item, item.outcome) for item in items]

    def begin(self, works: Sequence[Work]) -> None:
        """Run requests that are admitted, as soon as they may; nothing once the session is over."""
        if not self._over:
            if self._observers.active:
                for work in works:
                    self._observers.tell(Admitted(work.subject))
            self._floor.admit(works)

    def _begin(self, works: Sequence[Work]) -> None:
        if not self._over:
            self._or_broken(self._run, works)

    def _run(self, works: Sequence[Work]) -> None:
        self._async_actions.begin([work for work in works if work.action.is_async])
        job = partial(self._jobs.job, wanted=lambda: not self._over)
        jobs = [(job(work), (self, work)) for work in works if not work.action.is_async]
        if jobs:
            self._lanes.submit_all(jobs)

    def decline(self, work: Work, error: RateLimited) -> None:
        """Refuse a request that is not admitted, unless it was executed before."""
        if self._over:
            return
        if work.stores:
            self._rejections.add(RejectedRequest(work, error))
        else:
            self._settle_rejected([(work, refused(work, error))])

    def _settle_rejected(self, settlements: list[Settlement]) -> None:
        """Not by the floor: they did not run, and who sends too much must not hold up others."""
        if not self._over:
            self._or_broken(self._settler.settle, settlements)

    def _not_looked_up(self, works: Sequence[Work], error: Exception) -> None:
        """Nobody can say whether they were executed: not to be tried again, since they may not run."""
        if isinstance(error, StorageUnavailable):
            self._not_begun(works, error)
        else:
            reason = f"cannot be looked up: {describe(error)}"
            letter = DeadLetter(reason, Internal.code, failure=failure_of(error))
            self._settle_rejected([(work, letter) for work in works])

    def ended(self, results: list[tuple[Work, Result]]) -> None:
        """Take what requests have come to that were run."""
        for work, result in results:
            if isinstance(result, DeadlyJob):
                end = partial(self._lanes.journal.end, [work.key])
                self._in_hand.when_acked(work.delivery.delivery_tag, end)
        self._settle(results, self._floor.moved)
        self._floor.ended(len(results))

    def _not_begun(self, works: Sequence[Work], error: Exception) -> None:
        self.finish([(work, FailedJob(error)) for work in works])

    def finish(self, results: list[tuple[Work, Result]]) -> None:
        """Settle requests that did not run; nothing once the session is over."""
        self._settle(results, self._settler.settle)

    def _settle(self, results: Sequence[tuple[Work, Result]], move: Callable[[list[Settlement]], None]) -> None:
        if not self._over:
            self._or_broken(partial(self._carry_out, move), results)

    def _carry_out(self, move: Callable[[list[Settlement]], None], results: Sequence[tuple[Work, Result]]) -> None:
        settled: list[Settlement] = []
        moved: list[Settlement] = []
        for work, result in results:
            outcome = self._outcome_or_letter(work, result)
            if isinstance(outcome, PutBack):
                self._on_outage(outcome.reason)
                settled += [(waiting, outcome) for waiting in self._floor.withdraw()]
                settled += self._unread(self._arrivals.withdraw(), outcome)
            ran = not isinstance(result, AnsweredJob)  # an answer that became a letter says that it was too late to run
            (moved if ran and isinstance(outcome, _MOVES) else settled).append((work, outcome))
        if settled:
            self._settler.settle(settled)
        if moved:
            move(moved)

    def _or_broken(self, step: Callable[[T], None], subject: T) -> None:
        try:
            step(subject)
        except Exception as error:
            logger.exception("requests cannot be settled")
            self._on_broken(SessionLost(f"requests cannot be settled: {error}", error))

    def end(self) -> None:
        """Give up what is in hand, because the session is over; the broker delivers it again."""
        self._over = True
        self._arrivals.end()
        self._rejections.end()
        self._floor.end()
        self._async_actions.end()

    def _outcome_or_letter(self, work: Work, result: Result) -> Outcome:
        try:
            return self._outcome(work, result)
        except Exception as error:  # it would come again, and be the same
            logger.exception("a request cannot be settled: %s", work.request.id)
            reason = f"cannot be settled: {type(error).__name__}"
            return DeadLetter(reason, Internal.code, failure=failure_of(error))

    def _outcome(self, work: Work, result: Result) -> Outcome:
        match result:
            case AnsweredJob(response, DeadlineExceeded.code) if not work.delivery.properties.reply_to:
                reason = f"{DeadlineExceeded.code}: {decode_reply(response).error}"
                return DeadLetter(reason, code=DeadlineExceeded.code)  # as the intake does it
            case AnsweredJob(response, code, replayed):
                return Answer(response, code, replayed)
            case FailedJob(error):
                module = work.action.function.__module__
                return decide(error, work.request.id, work.retries, self._policy, module=module)
            case DeadlyJob(deaths):
                return DeadLetter(f"{deaths} {WORKERS_DIED}", Internal.code, WORKERS_DIED_CODE)


def hand_out(finished: Finished) -> None:
    """Give the results of a lane to those who wait: futures, or dispatchers with their work."""
    by_dispatcher: dict[Dispatcher, list[tuple[Work, Result]]] = {}
    for waiter, result in finished:
        if isinstance(waiter, asyncio.Future):
            if not waiter.done():
                waiter.set_result(result)
        else:
            dispatcher, work = waiter
            by_dispatcher.setdefault(dispatcher, []).append((work, result))
    for dispatcher, results in by_dispatcher.items():
        dispatcher.ended(results)
