"""A worker's life cycle: connect, consume, pause while the database is away, drain, reconnect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic

import sqlalchemy as sa
from typing_extensions import TypeVar

from leveret.amqp import Address, Addresses, AmqpError, Connect, Connection
from leveret.api import Api, check_bound
from leveret.auth.keyring import Keyring
from leveret.errors import WorkerStopped
from leveret.observe import Observer, Observers
from leveret.observe.counters import Counters
from leveret.observe.reports import WorkerState
from leveret.process.clock import MACHINE, Clock
from leveret.retry import RetryPolicy
from leveret.sql.event_reader import EventReader
from leveret.sql.store import Store
from leveret.topology import Topology
from leveret.worker.action_limits import check_action_limits
from leveret.worker.admit.rate_limits import RateLimits, limits_of
from leveret.worker.arrive.intake import Intake
from leveret.worker.arrive.room import Room
from leveret.worker.consuming import Consumption
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.options import WorkerOptions
from leveret.worker.pipeline import hand_out
from leveret.worker.run.jobs import Jobs
from leveret.worker.run.lanes import Lanes
from leveret.worker.session import Reopening, Session, SessionLost
from leveret.worker.streams import WorkerStreams
from leveret.worker.watch.clean_up import CleanUp
from leveret.worker.watch.loop_guard import LoopGuard
from leveret.worker.watch.watchdog import Sight, watch

S = TypeVar("S", default=Any)

logger: Final = logging.getLogger("leveret.worker")

_LANES_LIMIT: Final = 5.0
"""Seconds that a stop waits for lanes; a request that hangs longer is not committed, and is delivered again."""


class Worker(Generic[S]):
    """Runs the actions of an API for the requests in its queue.

    Args:
        api: the actions.
        address: the broker, or the nodes of a cluster; a text is parsed.
        stores: one for each lane.
        keyring: verifies tokens, issues tickets.
        services: handed to the actions.
        topology: names at the broker; it must have the policy's retry delays, and those of the actions.
        policy: limits of retrying, for actions without a policy of their own.
        options: see ``WorkerOptions``.
        forgetting: the application's part of the clean-up, see ``CleanUp``.
        observers: called with a record at each point of a request's life, see ``leveret.observe``. One that is a
            ``Counters`` learns of batches and sessions too; there can be one of them.
        connect: opens connections; see ``leveret.testing`` for a broker in memory.
        clock: tells the time for deadlines, rate limits, retries and letters.

    Raises:
        ValueError: the topology has other retry delays than the policy, or not those of an action; or an action may
            take longer than the watchdog waits, or its retries longer than responses are kept; or there are two
            ``Counters``.
        AddressError: the address is not valid.
    """

    def __init__(
        self,
        api: Api[S],
        address: Addresses | Address | str,
        stores: Sequence[Store],
        keyring: Keyring,
        services: S,
        *,
        topology: Topology,
        policy: RetryPolicy,
        options: WorkerOptions,
        forgetting: Sequence[Callable[[sa.Connection, datetime, int], int]] = (),
        observers: Sequence[Observer] = (),
        connect: Connect = Connection.open,
        clock: Clock = MACHINE,
    ) -> None:
        if topology.delays != policy.delays:
            raise ValueError(f"The topology has retry delays {topology.delays}, the policy {policy.delays}")
        check_bound(api)
        check_action_limits(api, topology, options)
        self.consuming = asyncio.Event()
        self._api = api
        self._addresses = Addresses.of(address)
        self._connect = connect
        self._clock = clock
        self._stores = stores
        self._topology = topology
        self._policy = policy
        self._options = options
        self._intake = Intake(api, keyring, replay_all=options.replay_all, clock=clock.posix)
        self._observers = Observers(observers)
        self._counters = [each for each in observers if isinstance(each, Counters)]
        self._jobs: Jobs = Jobs(
            services,
            largest_response=options.largest_response,
            observers=self._observers,
            clock=clock.posix,
            event_reader=EventReader(keyring, options.retention),
        )
        self._messages = partial(
            OutcomeMessages, topology, keyring, worker=options.name, version=options.version, clock=clock.posix
        )
        self._clean_up = CleanUp(options.retention, options.cleaning, forgetting)
        self._admission: RateLimits | None = None
        open_beside = partial(connect, self._addresses, name=f"{options.name} copies letters")
        self._streams = WorkerStreams(topology, open_beside) if topology.streams else None
        self._stopping = asyncio.Event()
        self._consumption: Consumption | None = None
        self._lanes: Lanes | None = None

    def stop(self) -> None:
        """Make ``run`` finish what is in hand and return."""
        self._stopping.set()

    def state(self) -> WorkerState:
        """Return how the worker does now; in the event loop."""
        lanes, consumption = self._lanes, self._consumption
        if lanes is None:
            return WorkerState(prefetch=self._options.prefetch, lanes=len(self._stores))
        return WorkerState(
            consuming=self.consuming.is_set(),
            blocked=consumption is not None and consumption.blocked,
            in_hand=consumption.in_hand if consumption is not None else 0,
            prefetch=self._options.prefetch,
            lanes=lanes.count,
            lanes_busy=lanes.working,
            ready=lanes.open,
            progress=lanes.progress,
            backlog=lanes.backlog.made + lanes.backlog.sending,
        )

    async def ask_database(self) -> None:
        """Return when the database has answered a lane.

        Raises:
            StorageUnavailable: it does not answer.
        """
        if self._lanes is not None:
            await self._lanes.run(lambda store: store.ping())

    async def publish_status(self, body: bytes) -> None:
        """Publish what this worker says of itself, if there is a session and the broker takes messages.

        Nobody waits for it, and an error is only logged. Where streams are switched off, it is dropped.
        """
        if self._consumption is not None and self._streams is not None:
            self._streams.report(body)

    @property
    def _on_batch(self) -> Callable[[int], None] | None:
        return self._counters[0].batch if self._counters else None

    async def run(self) -> None:
        """Work until ``stop`` is called; lost connections are opened again, after growing pauses.

        Raises:
            WorkerStopped: the broker refuses for a reason that waiting does not cure, such as a wrong password, a
                queue with other arguments, or one that this user must not read. A worker that may not publish any more
                waits for that permission.
            WorkerDeaf: no delivery came although requests wait, or the requests in hand did not end.
        """
        lanes = self._lanes = Lanes(
            self._stores, hand_out, lasting_journal=self._options.lasting_journal, on_batch=self._on_batch
        )
        self._admission = limits_of(self._api, self._options.rate_limit, lanes, self._clock.steady)
        cleaner = asyncio.create_task(self._clean_up.repeat(lanes))
        try:
            await self._work_watched(lanes)
        finally:
            cleaner.cancel()
            await asyncio.gather(cleaner, return_exceptions=True)
            if self._streams is not None:
                await self._streams.close()
            if self._admission is not None:
                await self._admission.close()
            await lanes.close(_LANES_LIMIT)

    async def _work_watched(self, lanes: Lanes) -> None:
        limit = self._options.watchdog
        if limit is None:
            return await self._work(lanes)
        watching = asyncio.create_task(watch(self._see, self._renew, limit))
        tasks = working, _ = asyncio.create_task(self._work(lanes)), watching
        with LoopGuard(limit):
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                (working if working.done() else watching).result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _see(self) -> Sight | None:
        return await self._consumption.sight() if self._consumption is not None else None

    def _renew(self) -> None:
        if self._consumption is not None:
            self._consumption.renew()

    async def _work(self, lanes: Lanes) -> None:
        """Work on one session after another until the worker stops; pauses grow while sessions do not last."""
        reopening = Reopening()
        while not self._stopping.is_set():
            try:
                await self._work_once(lanes)
            except (AmqpError, SessionLost) as error:
                lost, stopping = isinstance(error, SessionLost), self._stopping.is_set()
                pause = reopening.pause_after(error)
                if pause is None and not (lost and stopping):
                    raise WorkerStopped(f"{self._options.name} cannot work: {error}") from error
                if pause is None or stopping:
                    return
                what = "lost" if lost else "cannot reach"
                logger.warning("%s the broker: %s; next try in %.1f s", what, error, pause)
                await self._sleep(pause)

    async def _work_once(self, lanes: Lanes) -> None:
        """Work for the life of one session.

        Raises:
            AmqpError: no session could be opened.
            SessionLost: the session was lost.
        """
        options, topology = self._options, self._topology
        session = await Session.open(
            self._connect, self._addresses, topology, name=options.name, prefetch=options.prefetch
        )
        for counters in self._counters:
            counters.begin_session()
        if self._streams is not None:
            self._streams.begin(session.trouble)
        self._consumption = Consumption(
            session,
            topology.requests,
            intake=self._intake,
            jobs=self._jobs,
            lanes=lanes,
            admission=self._admission,
            messages=self._messages(),
            policy=self._policy,
            room=Room(options.room),
            observers=self._observers,
            consuming=self.consuming,
            copy=self._streams.copy if self._streams is not None else None,
        )
        now = asyncio.get_running_loop().time
        began = now()
        try:
            await self._consumption.run(self._stopping, options.drain)
        except SessionLost as lost:
            lost.lasted = now() - began
            raise
        finally:
            self._consumption = None

    async def _sleep(self, seconds: float) -> None:
        """Sleep, or return early when the worker stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
