"""Removing what is older than it has to be kept, in small steps, now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from warren.errors import StorageBusy, StorageUnavailable
from warren.serving.lane import Lanes
from warren.store import Store

C = TypeVar("C")

logger: Final = logging.getLogger("warren.worker")

STEP: Final = 500
"""Rows in one transaction."""


class CleanUp(Struct, Generic[C], frozen=True):
    """What is removed, and when.

    Attributes:
        retention: how long responses are kept.
        pause: between two clean-ups.
        forgetting: the application's own: called with a connection in a transaction, the time, and the most rows to
            remove in this step; each returns how many it removed.
    """

    retention: timedelta
    pause: timedelta
    forgetting: Sequence[Callable[[C, datetime, int], int]] = ()

    async def repeat(self, lanes: Lanes[C]) -> None:
        """Clean up again and again, until cancelled."""
        while True:
            await asyncio.sleep(self.pause.total_seconds())
            try:
                await self.run(lanes)
            except (StorageUnavailable, StorageBusy) as error:
                logger.info("clean-up of old responses put off: %s", error)
            except Exception:
                logger.exception("clean-up of old responses failed")

    async def run(self, lanes: Lanes[C]) -> None:
        """Clean up once.

        Raises:
            StorageUnavailable: the database does not answer.
            StorageBusy: a lock; the rest is left for the next time.
        """
        steps: list[Callable[[Store[C]], int]] = [self._forget_answers]
        steps += [partial(_forget, function) for function in self.forgetting]
        for step in steps:
            while await lanes.run(step) == STEP:
                pass

    def _forget_answers(self, store: Store[C]) -> int:
        return store.forget_answers(datetime.now(UTC) - self.retention, STEP)


def _forget(function: Callable[[Any, datetime, int], int], store: Store[Any]) -> int:
    with store.begin(writes=True) as transaction:
        return function(transaction.connection, datetime.now(UTC), STEP)
