"""Noticing that a worker is deaf: it runs and its connections are open, but no delivery comes or no request ends.

The watchdog looks at the worker at intervals; a sign of deafness counts only if every look for the whole time shows it.
Looks are counted and not seconds, so that a process that was stopped, or a machine that slept, is not mistaken for a
deaf worker.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, NoReturn

from msgspec import Struct

from leveret.errors import WorkerDeaf
from leveret.worker.session import QueueDepth
from leveret.worker.watch.stacks import stacks

logger: Final = logging.getLogger("leveret.worker")

LOOKS: Final = 12
"""How many looks in a row make the whole time; each is compared with the look before it."""


class Sight(Struct, frozen=True, kw_only=True):
    """The state of a worker at one moment.

    Attributes:
        since: when it began to consume; another value after each pause and on each new session.
        taken: how many deliveries have come since its session began.
        concluded: how many of those have an outcome; the broker's confirm has a time limit of its own.
        room: whether it may get more deliveries.
        blocked: whether the broker reads nothing from publishers, because of an alarm.
        waiting: what the broker says about the queue; None when it does not say.
        progress: how many jobs have ended in lanes, whether they are concluded or not.
        checking: whether it does not consume yet, because a lane still asks the database whether it answers.
    """

    since: float
    taken: int = 0
    concluded: int = 0
    room: bool = False
    blocked: bool = False
    waiting: QueueDepth | None = None
    progress: int = 0
    checking: bool = False


Sign = Callable[[Sight, Sight], bool]
"""Returns whether one look and the next one show a certain sign."""


class Watch:
    """Decides from one look after another whether a worker is deaf.

    Args:
        looks: how many looks in a row have to show the same.
    """

    def __init__(self, looks: int = LOOKS) -> None:
        self._looks = looks
        self._before: Sight | None = None
        self._in_a_row: Counter[Sign] = Counter()  # how many looks in a row have shown each sign

    @property
    def idle(self) -> bool:
        """Whether, at this look, nothing came and nothing was in hand for the whole time or a multiple of it.

        A worker without work looks like this, and also one whose consumer the broker has lost silently.
        """
        idle = self._in_a_row[_is_idle]
        return idle > 0 and idle % self._looks == 0

    def look(self, sight: Sight | None) -> str | None:
        """Take one look at a worker; None stands for a worker that does not consume at present, on purpose.

        Returns:
            Why the worker is deaf; None while it does not seem to be.
        """
        before, self._before = self._before, sight
        if sight is None or before is None or before.since != sight.since:
            self._in_a_row.clear()
            return None
        for sign in _SIGNS:
            self._in_a_row[sign] = self._in_a_row[sign] + 1 if sign(before, sight) else 0
        return self._verdict(sight)

    def _verdict(self, sight: Sight) -> str | None:
        lasting = {sign for sign in _SIGNS if self._in_a_row[sign] >= self._looks}
        if _has_no_consumer in lasting:
            return "the broker knows of no consumer of the queue, although this worker consumes it"
        if _is_passed_over in lasting and sight.waiting:
            return f"requests wait ({sight.waiting.messages}), this worker has room for them, and none was delivered"
        if _is_stuck in lasting:
            return f"none of the requests in hand ({sight.taken - sight.concluded}) came to an end"
        if _is_unchecked in lasting:
            return "no lane has asked the database whether it answers: the lanes hang"
        return None


def _is_passed_over(before: Sight, now: Sight) -> bool:
    waits = now.waiting is not None and now.waiting.messages > 0
    return waits and now.room and now.taken == before.taken


def _has_no_consumer(_before: Sight, now: Sight) -> bool:
    return now.waiting is not None and now.waiting.consumers == 0


def _is_stuck(before: Sight, now: Sight) -> bool:
    """Return whether no request in hand ends; during an alarm, an action that publishes may rightly wait for long."""
    works = now.taken > now.concluded
    still = now.concluded == before.concluded and now.progress == before.progress
    return works and still and not now.blocked


def _is_idle(before: Sight, now: Sight) -> bool:
    return now.waiting is not None and before.taken == now.taken == now.concluded


def _is_unchecked(before: Sight, now: Sight) -> bool:
    return now.checking and now.progress == before.progress


_SIGNS: Final = (_is_passed_over, _has_no_consumer, _is_stuck, _is_idle, _is_unchecked)


async def watch(see: Callable[[], Awaitable[Sight | None]], renew: Callable[[], None], limit: timedelta) -> NoReturn:
    """Look at a worker until it is deaf.

    Args:
        see: takes one look.
        renew: makes a worker that was idle for the whole limit consume anew.
        limit: how long a worker has to be deaf.

    Raises:
        WorkerDeaf: the worker is deaf; the text says how.
    """
    watching = Watch()
    while True:
        await asyncio.sleep(limit.total_seconds() / LOOKS)
        if reason := watching.look(await see()):
            seconds = limit.total_seconds()
            logger.critical("deaf: for %g s %s; %s", seconds, reason, stacks("lane-"))
            raise WorkerDeaf(f"This worker ended itself, start another one: for {seconds:g} s {reason}")
        if watching.idle:
            renew()
