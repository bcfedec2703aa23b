"""Consuming within one session: from the first delivery to the loss of the broker or a clean stop.

When the database does not answer, consuming pauses: what is in hand goes back to the queue uncounted, the database is
tried with growing pauses, and then deliveries come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Final

from leveret.amqp import AmqpError
from leveret.errors import StorageBusy, StorageFailed, StorageUnavailable
from leveret.observe import Observers
from leveret.process.backoff import Pauses
from leveret.retry import RetryPolicy
from leveret.worker.admit.admission import Admission
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.room import Room
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.leave.settle import Settler
from leveret.worker.pipeline import Pipeline
from leveret.worker.run.async_executor import AsyncExecutor
from leveret.worker.run.jobs import Jobs
from leveret.worker.run.lanes import Lanes
from leveret.worker.session import Session, SessionLost
from leveret.worker.watch.watchdog import Sight

logger: Final = logging.getLogger("leveret.worker")

_ACKS_TAKE_EFFECT: Final = 0.1
"""Seconds between the last acks and the end of their connection, or RabbitMQ 3.10 may deliver their requests again: see
"Acks at the very end" in docs/rabbitmq-facts.md."""

MOST_HELD: Final = 2_000
MOST_HELD_BYTES: Final = 64 * 1024 * 1024
"""Requests, and bytes of them, that may wait for a queue of ours beside those in hand; with more, no others come."""


class Consumption:
    """Consumes one queue on one session.

    Args:
        session: open connections; closed at the end of ``run``.
        queue: what to consume.
        intake, jobs: check deliveries, and make of them what runs.
        lanes: runs ``def`` actions.
        admission: applies the rate limit; None where there is none.
        messages: writes messages.
        policy, room: limits of retrying, and of what is read.
        observers: told of each request's points.
        consuming: set while deliveries come.
    """

    def __init__(
        self,
        session: Session,
        queue: str,
        *,
        intake: Intake,
        jobs: Jobs,
        lanes: Lanes,
        admission: Admission | None,
        messages: OutcomeMessages,
        policy: RetryPolicy,
        room: Room,
        observers: Observers,
        consuming: asyncio.Event,
    ) -> None:
        self._session = session
        self._queue = queue
        self._lanes = lanes
        self._consuming = consuming
        self._changed = asyncio.Event()
        self._in_hand = InHand(session.consumer, on_held=self._changed.set)
        self._settler = Settler(self._in_hand, session, messages, backlog=lanes.backlog, observers=observers)
        self._pipeline = Pipeline(
            intake=intake,
            jobs=jobs,
            lanes=lanes,
            executor=AsyncExecutor(jobs, lanes),
            admission=admission,
            policy=policy,
            in_hand=self._in_hand,
            settler=self._settler,
            room=room,
            observers=observers,
            on_outage=self._note_outage,
            on_broken=session.end,
        )
        self._outage, self._stale = asyncio.Event(), asyncio.Event()
        self._draining = False
        self._checking = self._resumed = 0.0

    async def run(self, stopping: asyncio.Event, drain: timedelta) -> None:
        """Consume until a stop is wanted, and finish then what is in hand.

        Args:
            stopping: set when the worker shall stop.
            drain: how long it may take to finish what is in hand; the rest goes back to the queue.

        Raises:
            SessionLost: the session has ended meanwhile.
        """
        stop, tending = asyncio.create_task(stopping.wait()), asyncio.create_task(self._tend())
        try:
            over: set[asyncio.Future[Any]] = {stop, self._session.lost}
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            if not self._session.lost.done():
                self._draining = True
                await _cancelled(tending)
                await _unless_lost(self._drain(drain))
        finally:
            await _cancelled(stop, tending)
            self._consuming.clear()
            self._pipeline.end()
            await self._settler.close()
            await self._session.close()
        if lost := self._session.lost.result():
            raise lost

    async def sight(self) -> Sight | None:
        """Describe for the watchdog how things stand; None while no deliveries are wanted."""
        waiting = await self._session.waiting(self._queue) if self._listens else None
        if self._checking:
            return Sight(since=-self._checking, progress=self._lanes.progress, checking=True)
        if not self._listens:
            return None
        return Sight(
            since=self._resumed,
            taken=self._in_hand.taken,
            concluded=self._settler.concluded,
            room=len(self._in_hand) < self._session.prefetch,
            blocked=self._session.blocked,
            waiting=waiting,
            progress=self._lanes.progress,
        )

    def renew(self) -> None:
        """Consume anew, on a new channel, unless something is in hand.

        RabbitMQ 3.10 may lose the consumers of a quorum queue that is deleted and made again at once: it cancels none
        of them, and counts them, and what it delivers to them arrives nowhere. With their channel it finds out.
        """
        if self._listens and not self._in_hand:
            self._stale.set()
            self._changed.set()

    @property
    def _listens(self) -> bool:
        return self._consuming.is_set() and not (self._draining or self._outage.is_set())

    async def _tend(self) -> None:
        """Have deliveries come while the database answers; what has to be done for that stands here in its order."""
        pauses, now = Pauses(), asyncio.get_running_loop().time
        try:
            while True:
                await self._wait_for_storage(pauses)
                self._outage.clear()
                await self._subscribe()
                self._resumed = now()
                self._consuming.set()
                logger.info("consuming %s", self._queue)
                await self._stay_until_outage()
                self._consuming.clear()
                await _unless_lost(self._session.stop_consuming())
                self._in_hand.return_kept()
                if not pauses.held(now() - self._resumed):
                    await asyncio.sleep(pauses.next())
        except Exception as error:
            if not isinstance(error, AmqpError):
                logger.exception("cannot consume %s", self._queue)
            self._session.end(SessionLost(f"cannot consume: {error}", error))

    async def _wait_for_storage(self, pauses: Pauses) -> None:
        while True:
            try:
                return await self._check_storage()
            except StorageUnavailable as error:
                pause = pauses.next()
                logger.warning("waiting for the database: %s; next try in %.1f s", error, pause)
                await asyncio.sleep(pause)

    async def _subscribe(self) -> None:
        self._in_hand.begin_consumer()
        await self._session.consume(self._queue, self._pipeline.take)

    async def _stay_until_outage(self) -> None:
        """Consume, and do so anew where that makes room or is doubtful, until the database does not answer."""
        while not self._outage.is_set():
            self._changed.clear()
            if self._is_crowded():
                await self._session.stop_consuming()
                await self._subscribe()
            elif self._stale.is_set():
                await self._renew()
                self._stale.clear()
            else:
                await self._changed.wait()

    def _is_crowded(self) -> bool:
        """Whether half of what the consumer may have in hand waits for a queue, and more may wait beside it."""
        in_hand = self._in_hand
        crowded = in_hand.held_of_this_consumer >= max(self._session.prefetch // 2, 1)
        return crowded and in_hand.held < MOST_HELD and in_hand.held_bytes < MOST_HELD_BYTES

    async def _renew(self) -> None:
        await self._session.stop_consuming()
        if not self._in_hand:  # nothing came in the last moment
            await self._session.renew()
            self._in_hand.move(self._session.consumer)
        await self._subscribe()
        logger.debug("nothing came for long: consuming %s anew", self._queue)

    def _note_outage(self, reason: str) -> None:
        if self._draining or self._outage.is_set():
            return
        logger.warning("paused: %s", reason)
        self._in_hand.keep_put_backs()
        self._outage.set()
        self._changed.set()

    async def _check_storage(self) -> None:
        """See whether the database answers; what an outage has ended was no worker's death."""
        self._checking = asyncio.get_running_loop().time()
        try:
            await self._lanes.run(lambda store: store.ping())
        finally:
            self._checking = 0.0
        try:
            await self._lanes.journal.catch_up()
        except (StorageBusy, StorageFailed) as error:
            logger.info("attempts that an outage ended are voided later: %s", error)

    async def _drain(self, limit: timedelta) -> None:
        try:
            async with asyncio.timeout(limit.total_seconds()):
                await self._session.stop_consuming()
                self._in_hand.return_kept()
                self._settler.stop_waiting()
                await self._in_hand.empty()
                await self._session.flushed()
        except TimeoutError:
            unfinished = len(self._in_hand)
            what = f"{unfinished} request{'s' * (unfinished != 1)}"
            logger.warning("stopping: %s unfinished, back to %s", what, self._queue)
        await asyncio.sleep(_ACKS_TAKE_EFFECT)


async def _unless_lost(step: Coroutine[Any, Any, None]) -> None:
    """Run a step on a session that may be lost meanwhile; its loss is seen elsewhere."""
    try:
        await step
    except AmqpError as error:
        logger.debug("session lost meanwhile: %s", error)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
