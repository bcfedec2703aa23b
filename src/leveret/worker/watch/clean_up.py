"""Removing responses and other rows that need not be kept any longer, in small steps, at intervals."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import StorageBusy, StorageUnavailable
from leveret.sql.store import Store
from leveret.worker.run.lanes import Lanes

logger: Final = logging.getLogger("leveret.worker")

STEP: Final = 500
"""The most rows that one transaction removes."""

EVENTS_LONGER: Final = timedelta(hours=1)
"""How much longer than the retention events are kept: whoever resumes within the retention finds all of them, also
those of a transaction that was long under way."""

CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""How far the worker's clock and the database's may differ before the log says so."""


class CleanUp(Struct, frozen=True):
    """What is removed, and when. The age of a row is taken from the database's clock, which all workers share.

    Attributes:
        retention: how long responses are kept.
        pause: between two clean-ups.
        forgetting: functions of the application: each is called with a connection in a transaction, the time by the
            database's clock, and how many rows it may remove in this step, and returns how many it removed.
        clock: POSIX time in seconds, by the worker's clock; only compared with the database's.
    """

    retention: timedelta
    pause: timedelta
    forgetting: Sequence[Callable[[sa.Connection, datetime, int], int]] = ()
    clock: Callable[[], float] = time.time

    async def repeat(self, lanes: Lanes) -> None:
        """Clean up after each pause, until cancelled; compare the clocks now and before each clean-up."""
        await self._attempt(self.compare_clocks(lanes))
        while True:
            await asyncio.sleep(self.pause.total_seconds())
            await self._attempt(self.compare_clocks(lanes))
            await self._attempt(self.run(lanes))

    async def _attempt(self, step: Coroutine[Any, Any, None]) -> None:
        try:
            await step
        except (StorageUnavailable, StorageBusy) as error:
            logger.info("clean-up of old responses postponed: %s", error)
        except Exception:
            logger.exception("clean-up of old responses failed")

    async def compare_clocks(self, lanes: Lanes) -> None:
        """Log a warning when the worker's clock and the database's are more than a minute apart.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        seconds = await lanes.run(self._ahead)
        if abs(seconds) > CLOCKS_DIFFER.total_seconds():
            way = "ahead of" if seconds > 0 else "behind"
            logger.warning("this worker's clock is %.0f s %s the database's: set both by NTP", abs(seconds), way)

    async def run(self, lanes: Lanes) -> None:
        """Clean up once.

        Raises:
            StorageUnavailable: the database does not answer.
            StorageBusy: a row is locked; the rest is left for the next time.
        """
        steps: list[Callable[[Store], int]] = [self._forget_answers, self._forget_events]
        steps += [partial(_forget, function) for function in self.forgetting]
        for step in steps:
            while await lanes.run(step) == STEP:
                pass

    def _ahead(self, store: Store) -> float:
        """Return how many seconds the worker's clock is ahead; the time that the query takes does not count."""
        before, theirs = self.clock(), store.clock().timestamp()
        return min(before - theirs, self.clock() - theirs, key=abs)

    def _forget_answers(self, store: Store) -> int:
        return store.forget_answers(self.retention, STEP)

    def _forget_events(self, store: Store) -> int:
        return store.forget_events(self.retention + EVENTS_LONGER, STEP)


def _forget(function: Callable[[Any, datetime, int], int], store: Store) -> int:
    now = store.clock()
    with store.begin(writes=True) as transaction:
        return function(transaction.connection, now, STEP)
