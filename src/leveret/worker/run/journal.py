"""The crash journal for the event loop: each operation runs in a lane."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

from leveret.inbox.journal import Journal
from leveret.sql.records import RequestKey
from leveret.sql.store import Store

T = TypeVar("T")

logger: Final = logging.getLogger("leveret.worker")


class Run(Protocol):
    """Calls a function in a lane; the future gets its value or its error."""

    def __call__(self, function: Callable[[Store], T]) -> asyncio.Future[T]:
        """See ``Lanes.run``."""
        ...


class AsyncJournal:
    """The operations on a journal, for what runs or is read in the event loop.

    Args:
        journal: the journal that the lanes share.
        run: calls a function in a lane.
        lasting: whether the journal outlives the worker.

    Attributes:
        lasting: whether the journal outlives the worker; if not, it has to learn what the broker knows.
    """

    def __init__(self, journal: Journal, run: Run, *, lasting: bool = True) -> None:
        self.lasting = lasting
        self._journal = journal
        self._run = run

    def deaths(self, keys: Sequence[RequestKey]) -> asyncio.Future[Mapping[RequestKey, int]]:
        """Return how many attempts of each key are on record; see ``Journal.deaths``."""
        return self._run(lambda store: self._journal.deaths(store, keys))

    async def learn(self, deaths: Mapping[RequestKey, int]) -> None:
        """Record deaths that the broker's counts stand for, where there are any; see ``Journal.learn``."""
        if counted := {key: count for key, count in deaths.items() if count}:
            await self._run(lambda store: self._journal.learn(store, counted))

    async def begin(self, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """Record an attempt of each key; return how many deaths each key had before.

        If the caller is cancelled meanwhile, because the session is lost, the attempts do not begin and are voided.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        beginning = self._run(lambda store: self._journal.begin(store, keys))
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(partial(self._began_in_vain, keys))
            raise

    def end(self, keys: Sequence[RequestKey]) -> None:
        """Let a lane remove everything that is on record for each key, because its attempt has ended; do not wait."""
        self._run(lambda store: self._journal.end(store, keys))

    async def ended(self, keys: Sequence[RequestKey]) -> None:
        """Do the same as ``end``, and wait for it; it is done even if the caller is cancelled meanwhile."""
        await asyncio.wait({self._run(lambda store: self._journal.end(store, keys))})

    def void(self, keys: Sequence[RequestKey]) -> None:
        """Let ``catch_up`` take the last attempt of each key off the record, because no worker has died."""
        self._journal.void(keys)

    def catch_up(self) -> asyncio.Future[None]:
        """Take the voided attempts off the record; see ``Journal.catch_up``."""
        return self._run(self._journal.catch_up)

    def _began_in_vain(self, keys: Sequence[RequestKey], beginning: asyncio.Future[Mapping[RequestKey, int]]) -> None:
        if not beginning.cancelled() and beginning.exception() is None:
            self.void(keys)
            self.catch_up().add_done_callback(_voided)


def _voided(catching_up: asyncio.Future[None]) -> None:
    if not catching_up.cancelled() and (error := catching_up.exception()):
        logger.info("attempts that did not begin are voided later: %s", error)
