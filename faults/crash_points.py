"""Crash points: places where a worker's life ends with SIGKILL, set from outside; nothing in `src` knows of them."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from leveret.amqp import Channel, Delivery, Message
from leveret.inbox import alone
from leveret.inbox import batch as inbox
from leveret.inbox.batch import Job, Result
from leveret.inbox.journal import Journal
from leveret.sql import Store
from leveret.sql.connection import Transaction
from leveret.sql.records import Row
from leveret.worker.arrive.arrivals import Arrivals
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.settle import Settler
from leveret.worker.run.jobs import Jobs
from leveret.worker.work import Declined, Rejected, Work

RECEIVED: Final = "received"
AUTHENTICATED: Final = "authenticated"
EFFECT_DONE: Final = "effect-done"
BEFORE_COMMIT: Final = "before-commit"
AFTER_COMMIT: Final = "after-commit"
REPLY_SENT: Final = "reply-sent"
BEFORE_ACK: Final = "before-ack"
RETRY_BEFORE_ACK: Final = "retry-published-before-ack"
LETTER_BEFORE_ACK: Final = "dead-letter-published-before-ack"

RARE: Final = (RETRY_BEFORE_ACK, LETTER_BEFORE_ACK)
POINTS: Final = (
    RECEIVED,
    AUTHENTICATED,
    EFFECT_DONE,
    BEFORE_COMMIT,
    AFTER_COMMIT,
    REPLY_SENT,
    BEFORE_ACK,
    *RARE,
)

MOST_HITS: Final = 2
"""So often a death may be put down to one request: the third one in the crash journal makes a dead letter of it."""


class KillLog:
    """The deaths of all lives, one line each: the point, the request that reached it, and those that ran meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, point: str, ids: Iterable[str]) -> None:
        """Add a line, whole even when several processes do so at once."""
        line = " ".join([point, *ids]) + "\n"
        opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(opened, line.encode())
        os.close(opened)

    def deaths(self) -> Counter[str]:
        """How many died at each point."""
        return Counter(line[0] for line in self._lines())

    def hits(self) -> Counter[str]:
        """How many deaths each request may be charged with."""
        return Counter(request_id for line in self._lines() for request_id in set(line[1:]))

    def _lines(self) -> list[list[str]]:
        try:
            return [line.split(" ") for line in self._path.read_text().splitlines()]
        except FileNotFoundError:
            return []


def end_of_life() -> None:
    """Die as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


class Killer:
    """Ends the process when one point is passed for the n-th time.

    Args:
        log: of all lives.
        point: where.
        passes: so often it is passed with impunity.
        random: chooses whom of a batch the death is put down to.
        die: ends the process.

    Attributes:
        running: requests that are read or run now, after an entry in the crash journal.
    """

    def __init__(
        self, log: KillLog, point: str, passes: int, *, random: Random, die: Callable[[], None] = end_of_life
    ) -> None:
        self._log = log
        self._point = point
        self._passes = passes
        self._random = random
        self._die = die
        self._lock = threading.Lock()  # points lie in the event loop's thread and in lanes
        self.running: set[str] = set()

    def aims_at(self, point: str) -> bool:
        """Whether this life may end at that point now."""
        return point == self._point and self._passes <= 0

    def reach(self, point: str, ids: Iterable[str]) -> None:
        """Say that requests have reached a point; does not return when this life ends there.

        A request that has been hit twice is spared, and while it runs all others are.
        """
        if point != self._point:
            return
        with self._lock:
            self._passes -= 1
            if self._passes >= 0:
                return
            hits, running = self._log.hits(), set(self.running)
            candidates = [request_id for request_id in ids if hits[request_id] < MOST_HITS]
            if not candidates or any(hits[request_id] >= MOST_HITS for request_id in running):
                return
            chosen = self._random.choice(candidates)
            self._log.write(point, {chosen, *running})
            self._die()


def set_points(killer: Killer) -> None:
    """Wrap the parts of the worker in this process, so that each point is told to the killer."""
    _wrap_intake(killer)
    _wrap_transactions(killer)
    _wrap_journal(killer)
    _wrap_reading(killer)
    _wrap_publishing(killer)
    _wrap_confirms(killer)


def _wrap_intake(killer: Killer) -> None:
    take, make_job = Intake.take, Jobs.job

    def take_and_tell(self: Intake, delivery: Delivery) -> Work | Rejected | Declined:
        killer.reach(RECEIVED, [delivery.properties.correlation_id or "?"])
        item = take(self, delivery)
        if isinstance(item, Work):
            killer.reach(AUTHENTICATED, [item.request.id])
        return item

    def job_that_tells(self: Jobs, work: Work, run: Callable[[Any], bytes] | None = None, **how: Any) -> Job:
        job = make_job(self, work, run, **how)

        def run_and_tell(connection: Any) -> bytes:
            response = job.run(connection)
            killer.reach(EFFECT_DONE, [job.key.id])
            return response

        return msgspec.structs.replace(job, run=run_and_tell)

    Intake.take, Jobs.job = take_and_tell, job_that_tells  # type: ignore[method-assign]  # see the docstring above


def _wrap_transactions(killer: Killer) -> None:
    save, begin, saved = Transaction.save, Store.begin, threading.local()

    def save_and_remember(self: Transaction, rows: list[Row]) -> None:
        save(self, rows)
        saved.ids = [row.key.id for row in rows]

    @contextmanager
    def begin_and_tell(self: Store, *, writes: bool) -> Iterator[Transaction]:
        saved.ids = []
        with begin(self, writes=writes) as transaction:
            yield transaction
        killer.reach(AFTER_COMMIT, saved.ids)

    def tell_before(_connection: sa.Connection) -> None:
        killer.reach(BEFORE_COMMIT, getattr(saved, "ids", []))

    Transaction.save, Store.begin = save_and_remember, begin_and_tell  # type: ignore[method-assign,assignment]  # see above
    sa.event.listen(sa.Engine, "commit", tell_before)  # called before the database is told to commit


def _wrap_journal(killer: Killer) -> None:
    run_journaled = alone.run_journaled

    def run_and_remember(store: Store, job: Job, journal: Journal) -> Result:
        killer.running.add(job.key.id)
        try:
            return run_journaled(store, job, journal)
        finally:
            killer.running.discard(job.key.id)

    inbox.run_journaled = run_and_remember  # type: ignore[attr-defined]  # where a batch finds it


def _wrap_reading(killer: Killer) -> None:
    read_on_record = Arrivals._read_on_record

    async def read_and_remember(self: Arrivals, deliveries: Sequence[Delivery]) -> None:
        ids = {delivery.properties.correlation_id or "?" for delivery in deliveries}
        killer.running |= ids
        try:
            await read_on_record(self, deliveries)
        finally:
            killer.running -= ids

    Arrivals._read_on_record = read_and_remember  # type: ignore[method-assign]  # see `set_points`


def _wrap_publishing(killer: Killer) -> None:
    publish_batch = Channel.publish_batch

    def publish_and_tell(self: Channel, messages: list[Message]) -> Any:
        confirmed = publish_batch(self, messages)
        if replies := _ids(messages, REPLY_SENT):
            if killer.aims_at(REPLY_SENT):
                self._link.flush()  # the replies are with the operating system when the process dies
            killer.reach(REPLY_SENT, replies)
        return confirmed

    Channel.publish_batch = publish_and_tell  # type: ignore[method-assign,assignment]  # see `set_points`


def _wrap_confirms(killer: Killer) -> None:
    confirmed = Settler._confirmed

    def tell_and_ack(self: Settler, verdicts: list[Any], messages: list[Message], *rest: Any) -> None:
        if not any(verdicts):
            for point in (BEFORE_ACK, *RARE):
                if ids := _ids(messages, point):
                    killer.reach(point, ids)
        confirmed(self, verdicts, messages, *rest)

    Settler._confirmed = tell_and_ack  # type: ignore[method-assign,assignment]  # see `set_points`


def _ids(messages: Iterable[Message], point: str) -> list[str]:
    """The requests of those messages that a point is about."""
    return [message.properties.correlation_id or "?" for message in messages if _is_about(message, point)]


def _is_about(message: Message, point: str) -> bool:
    if not message.mandatory:  # of what a worker publishes that is a reply, and nothing else
        return point not in RARE
    return point == (LETTER_BEFORE_ACK if message.routing_key.endswith(".dlq") else RETRY_BEFORE_ACK)
