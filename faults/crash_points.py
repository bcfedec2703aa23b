"""Crash points: where a worker's life ends with SIGKILL, found by an observer; nothing in `src` knows of them."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any, Final

import sqlalchemy as sa

from leveret.amqp import Channel, Message
from leveret.observe import Admitted, Committed, Ended, Received, Record, Settled
from leveret.outcome import Answer, DeadLetter, Retry
from leveret.sql.tables import crash_journal

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


class Points:
    """Tells a killer which points requests reach; an observer of the worker in this process.

    Observers are not told that a commit begins, or what stands in the crash journal: SQLAlchemy's own events tell that.
    Nor are they told that a reply has left this process, which happens in the driver: `publish_batch` is wrapped.
    """

    def __init__(self, killer: Killer) -> None:
        self._killer = killer
        self._of_thread = threading.local()

    def listen(self) -> None:
        """Have SQLAlchemy and the driver tell what observers are not told."""
        sa.event.listen(sa.Engine, "commit", self._tell_commit)  # called before the database is told to commit
        sa.event.listen(sa.Engine, "rollback", lambda _connection: self._forget())
        sa.event.listen(sa.Engine, "begin", lambda _connection: self._leave_journal())
        sa.event.listen(sa.Engine, "before_execute", self._watch_journal)
        _wrap_publishing(self._killer)

    def __call__(self, record: Record) -> None:
        """See which point a request has reached."""
        reach, ids = self._killer.reach, [record.subject.id or "?"]
        match record:
            case Received():
                reach(RECEIVED, ids)
            case Admitted():
                reach(AUTHENTICATED, ids)
            case Ended(error=None):
                self._ended.extend(ids)
                reach(EFFECT_DONE, ids)
            case Committed():
                self._leave_journal()
                reach(AFTER_COMMIT, ids)
            case Settled(outcome=outcome):
                self._killer.running.difference_update(ids)
                if point := BEFORE_ACKS.get(type(outcome)):
                    reach(point, ids)

    @property
    def _ended(self) -> list[str]:
        """Requests whose action has ended in the transaction of this thread."""
        found: list[str] = self._of_thread.__dict__.setdefault("ended", [])
        return found

    @property
    def _leaving(self) -> set[str]:
        """What leaves the crash journal with the transaction of this thread."""
        found: set[str] = self._of_thread.__dict__.setdefault("leaving", set())
        return found

    def _tell_commit(self, _connection: sa.Connection) -> None:
        ended = list(self._ended)
        self._ended.clear()
        self._killer.reach(BEFORE_COMMIT, ended)

    def _forget(self) -> None:
        self._ended.clear()
        self._leaving.clear()

    def _leave_journal(self) -> None:
        """The transaction of this thread is committed, or another one begins."""
        self._killer.running -= self._leaving
        self._leaving.clear()

    def _watch_journal(self, connection: sa.Connection, statement: Any, *_others: object) -> None:
        if getattr(statement, "table", None) is not crash_journal:
            return
        if statement.is_insert:
            self._killer.running |= _ids_in(statement, connection)
        elif statement.is_delete:
            self._leaving.update(_ids_in(statement, connection))


BEFORE_ACKS: Final[dict[type, str]] = {Answer: BEFORE_ACK, Retry: RETRY_BEFORE_ACK, DeadLetter: LETTER_BEFORE_ACK}
"""The point that each outcome is settled at; one that is put back has none."""


def _ids_in(statement: Any, connection: sa.Connection) -> set[str]:
    """The ids of the keys in a statement: single values of an insert, pairs of a delete."""
    ids: set[str] = set()
    for name, value in statement.compile(dialect=connection.dialect).params.items():
        if name.startswith("id") and isinstance(value, str):
            ids.add(value)
        elif isinstance(value, list):
            ids |= {key[1] for key in value}
    return ids


def _wrap_publishing(killer: Killer) -> None:
    publish_batch = Channel.publish_batch

    def publish_and_tell(self: Channel, messages: list[Message]) -> Any:
        confirmed = publish_batch(self, messages)
        # Of what a worker publishes a reply is not mandatory, and nothing else.
        if replies := [message.properties.correlation_id or "?" for message in messages if not message.mandatory]:
            if killer.aims_at(REPLY_SENT):
                self._link.flush()  # the replies are with the operating system when the process dies
            killer.reach(REPLY_SENT, replies)
        return confirmed

    Channel.publish_batch = publish_and_tell  # type: ignore[method-assign,assignment]  # see `Points`
