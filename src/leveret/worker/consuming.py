"""Consuming within one session: from the first delivery to the loss of the broker or a clean stop.

When the database does not answer, consuming pauses: the requests in hand go back to the queue without a counted
attempt, the database is tried after growing pauses, and once it answers, deliveries come again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final

from leveret.amqp import AmqpError, Message
from leveret.errors import StorageBusy, StorageFailed, StorageUnavailable
from leveret.observe import Observers
from leveret.process.backoff import Pauses
from leveret.retry import RetryPolicy
from leveret.wire.words import counted
from leveret.worker.admit.rate_limits import RateLimits
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
"""Seconds between the last acks and the end of their connection. Without this pause RabbitMQ 3.10 may deliver the
requests again: see "Acks at the very end" in docs/rabbitmq-facts.md."""

MOST_HELD: Final = 2_000
MOST_HELD_BYTES: Final = 64 * 1024 * 1024
"""How many requests may be held, and how many bytes of them, while others are consumed in their place."""


class Consumption:
    """Consumes one queue on one session.

    Args:
        session: open connections; closed at the end of ``run``.
        queue: the queue to consume.
        intake, jobs: check deliveries, and make jobs of requests.
        lanes: run ``def`` actions.
        admission: applies the rate limit; None if there is none.
        messages: writes retries and letters.
        policy, room: limit retries, and the memory for what is read.
        observers: called with a record at each point of a request's life.
        consuming: set while deliveries come.
        copy: called with letters that are in their queue; None if nobody wants copies.
    """

    def __init__(
        self,
        session: Session,
        queue: str,
        *,
        intake: Intake,
        jobs: Jobs,
        lanes: Lanes,
        admission: RateLimits | None,
        messages: OutcomeMessages,
        policy: RetryPolicy,
        room: Room,
        observers: Observers,
        consuming: asyncio.Event,
        copy: Callable[[Sequence[Message]], None] | None = None,
    ) -> None:
        self._session = session
        self._queue = queue
        self._lanes = lanes
        self._consuming = consuming
        self._changed = asyncio.Event()
        self._in_hand = InHand(session.consumer, on_held=self._changed.set)
        self._settler = Settler(self._in_hand, session, messages, backlog=lanes.backlog, observers=observers, copy=copy)
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
        """Consume until the worker stops, and then finish what is in hand.

        Args:
            stopping: set when the worker should stop.
            drain: how long it may take to finish what is in hand; the rest goes back to the queue.

        Raises:
            SessionLost: the session was lost.
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
        """Return the worker's state, for the watchdog; None while the worker wants no deliveries."""
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

    @property
    def in_hand(self) -> int:
        """How many deliveries are in hand."""
        return len(self._in_hand)

    @property
    def blocked(self) -> bool:
        """Whether the broker reads nothing from publishers, because of an alarm."""
        return self._session.blocked

    def renew(self) -> None:
        """Consume anew, on a new channel, unless something is in hand.

        RabbitMQ 3.10 may lose the consumers of a quorum queue that is deleted and declared again at once: it does not
        cancel them, it still counts them, and what it delivers to them arrives nowhere. It notices when their channel
        closes.
        """
        if self._listens and not self._in_hand:
            self._stale.set()
            self._changed.set()

    @property
    def _listens(self) -> bool:
        return self._consuming.is_set() and not (self._draining or self._outage.is_set())

    async def _tend(self) -> None:
        """Consume while the database answers, and pause while it does not, until cancelled."""
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
        """Wait for an outage; meanwhile consume anew if that makes room, or if the consumer may be lost."""
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
        """Return whether held requests take half of the consumer's prefetch, and still more may be held."""
        in_hand = self._in_hand
        crowded = in_hand.held_of_this_consumer >= max(self._session.prefetch // 2, 1)
        return crowded and in_hand.held < MOST_HELD and in_hand.held_bytes < MOST_HELD_BYTES

    async def _renew(self) -> None:
        await self._session.stop_consuming()
        if not self._in_hand:  # nothing has come in the last moment
            await self._session.renew()
            self._in_hand.move(self._session.consumer)
        await self._subscribe()
        logger.debug("nothing has come for a long time: consuming %s anew", self._queue)

    def _note_outage(self, reason: str) -> None:
        if self._draining or self._outage.is_set():
            return
        logger.warning("paused: %s", reason)
        self._in_hand.keep_put_backs()
        self._outage.set()
        self._changed.set()

    async def _check_storage(self) -> None:
        """Check that the database answers, and then void the attempts that an outage ended: no worker has died."""
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
            logger.warning("stopping: %s unfinished, returned to %s", counted(unfinished, "request"), self._queue)
        await asyncio.sleep(_ACKS_TAKE_EFFECT)


async def _unless_lost(step: Coroutine[Any, Any, None]) -> None:
    """Run a step on a session; ignore the loss of the session, which is handled elsewhere."""
    try:
        await step
    except AmqpError as error:
        logger.debug("session lost meanwhile: %s", error)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
