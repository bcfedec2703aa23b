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
from leveret.process.backoff import Backoff
from leveret.retry import RetryPolicy
from leveret.worker.admit.admission import Admission
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.room import Room
from leveret.worker.dispatch import Dispatcher
from leveret.worker.leave.in_hand import InHand
from leveret.worker.leave.outbox import Outbox
from leveret.worker.leave.settle import Settler
from leveret.worker.run.async_executor import AsyncExecutor
from leveret.worker.run.jobs import Jobs
from leveret.worker.run.lanes import Lanes
from leveret.worker.session import Session
from leveret.worker.watch.watchdog import Sight

logger: Final = logging.getLogger("leveret.worker")

_SOUND: Final = 1.0
"""Seconds: a database that answered for so long, and for longer than the pause before, is tried again at once."""

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
        outbox: writes messages.
        policy, room: limits of retrying, and of what is read.
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
        outbox: Outbox,
        policy: RetryPolicy,
        room: Room,
        consuming: asyncio.Event,
    ) -> None:
        self._session = session
        self._queue = queue
        self._lanes = lanes
        self._consuming = consuming
        self._in_hand = InHand(session.consumer)
        self._settler = Settler(
            self._in_hand,
            session,
            outbox,
            lambda error: session.end(str(error)),
            sending=lanes.backlog.sending,
            on_held=self._make_room,
        )
        self._dispatcher = Dispatcher(
            intake=intake,
            jobs=jobs,
            lanes=lanes,
            executor=AsyncExecutor(jobs, lanes),
            admission=admission,
            policy=policy,
            in_hand=self._in_hand,
            settler=self._settler,
            room=room,
            on_outage=self._storage_went_away,
            on_broken=session.end,
        )
        self._resuming: asyncio.Task[None] | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._draining = self._paused = False
        self._room_made_for = 0
        self._pauses = iter(Backoff())
        self._resumed = self._waited = self._checking = 0.0

    async def run(self, stopping: asyncio.Event, drain: timedelta) -> str:
        """Consume until the session is lost or a stop is wanted; returns why it ended.

        Args:
            stopping: set when the worker shall stop; what is in hand is then finished.
            drain: how long that may take.
        """
        stop = asyncio.create_task(stopping.wait())
        self._resuming = asyncio.create_task(self._resume())
        try:
            over: set[asyncio.Future[Any]] = {stop, self._session.lost}
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
            if not self._session.lost.done():
                await _unless_failed(self._drain(drain))
        finally:
            await _ended(stop, self._resuming)
            self._consuming.clear()
            self._dispatcher.end()
            await self._settler.close()
            await self._session.close()
        return self._session.lost.result()

    async def sight(self) -> Sight | None:
        """Say for the watchdog how things stand; None while no deliveries are wanted."""
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
        renewing = self._resuming is not None and not self._resuming.done()
        if self._listens and not self._in_hand and not renewing:
            self._resuming = asyncio.create_task(self._renew())

    def _make_room(self) -> None:
        """Consume anew when half of the prefetch waits for a queue: what the consumer before holds does not count."""
        settler = self._settler
        self._room_made_for = min(self._room_made_for, settler.held)
        crowded = settler.held - self._room_made_for >= max(self._session.prefetch // 2, 1)
        bearable = settler.held < MOST_HELD and settler.held_bytes < MOST_HELD_BYTES
        busy = self._resuming is not None and not self._resuming.done()
        if crowded and bearable and self._listens and not busy:
            self._room_made_for = settler.held
            self._resuming = asyncio.create_task(self._consume_again())

    async def _consume_again(self) -> None:
        try:
            await self._session.stop_consuming()
            await self._begin()
        except AmqpError as error:
            self._session.end(f"cannot consume anew: {error}")

    async def _renew(self) -> None:
        try:
            await self._session.stop_consuming()
            if not self._in_hand:  # nothing came in the last moment
                await self._session.renew()
                self._in_hand.move(self._session.consumer)
            await self._begin()
            logger.debug("nothing came for long: consuming %s anew", self._queue)
        except AmqpError as error:
            self._session.end(f"cannot consume anew: {error}")

    @property
    def _listens(self) -> bool:
        return self._consuming.is_set() and not (self._draining or self._paused)

    async def _drain(self, limit: timedelta) -> None:
        self._draining = True
        await _ended(self._resuming)
        try:
            async with asyncio.timeout(limit.total_seconds()):
                if self._beginning is not None:
                    await asyncio.wait((self._beginning,))
                await self._session.stop_consuming()
                self._settler.release_put_backs()
                self._settler.stop_waiting()
                await self._in_hand.empty()
                await self._session.flushed()
        except TimeoutError:
            logger.warning("stopping: %d requests unfinished, back to %s", len(self._in_hand), self._queue)
        await asyncio.sleep(_ACKS_TAKE_EFFECT)

    async def _begin(self) -> None:
        """Have deliveries come. It goes on when its caller is cancelled: a stop ends it, once the broker has answered.

        So what the broker has sent is finished like everything in hand, and does not go back as delivered before.
        """
        self._beginning = asyncio.create_task(self._session.consume(self._queue, self._dispatcher.take))
        await asyncio.shield(self._beginning)
        asyncio.get_running_loop().call_soon(self._make_room)  # the first deliveries may have come meanwhile

    def _storage_went_away(self, reason: str) -> None:
        if self._draining or self._paused:
            return
        self._paused = True
        logger.warning("paused: %s", reason)
        self._settler.hold_put_backs()
        self._resuming = asyncio.create_task(self._pause(self._resuming))

    async def _pause(self, resuming: asyncio.Task[None] | None) -> None:
        if resuming is not None:  # the first deliveries may come before consuming has quite begun
            await _to_its_end(resuming)
        self._consuming.clear()
        await _unless_failed(self._session.stop_consuming())
        self._settler.release_put_backs()
        now = asyncio.get_running_loop().time()
        if now - self._resumed > max(self._waited, _SOUND):
            self._pauses, self._waited = iter(Backoff()), 0.0
        else:  # it answered and went away again at once, as a full disk does
            self._waited = next(self._pauses)
            await asyncio.sleep(self._waited)
        await self._resume()

    async def _resume(self) -> None:
        try:
            await self._resume_when_storage_answers()
        except Exception as error:
            logger.exception("cannot consume %s", self._queue)
            self._session.end(f"cannot consume: {error}")

    async def _resume_when_storage_answers(self) -> None:
        while True:
            try:
                await self._check_storage()
                break
            except StorageUnavailable as error:
                self._waited = next(self._pauses)
                logger.warning("waiting for the database: %s; next try in %.1f s", error, self._waited)
                await asyncio.sleep(self._waited)
        self._paused = False
        await self._begin()
        self._resumed = asyncio.get_running_loop().time()
        self._consuming.set()
        logger.info("consuming %s", self._queue)

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


async def _unless_failed(step: Coroutine[Any, Any, None]) -> None:
    """Run a step on a session that may be lost meanwhile; its loss is seen elsewhere."""
    try:
        await step
    except AmqpError as error:
        logger.debug("session lost meanwhile: %s", error)


async def _to_its_end(task: asyncio.Task[None]) -> None:
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        raise


async def _ended(*tasks: asyncio.Task[Any] | None) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
