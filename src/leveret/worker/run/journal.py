"""The crash journal for the event loop: each of its verbs is carried out in a lane."""

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
    """Has a function called in a lane; the future has its value or its error."""

    def __call__(self, function: Callable[[Store], T]) -> asyncio.Future[T]:
        """See ``Lanes.run``."""
        ...


class AsyncJournal:
    """The verbs of a journal, for what runs or is read in the event loop.

    Args:
        journal: what the lanes share.
        run: has a function called in a lane.
    """

    def __init__(self, journal: Journal, run: Run) -> None:
        self._journal = journal
        self._run = run

    def deaths(self, keys: Sequence[RequestKey]) -> asyncio.Future[Mapping[RequestKey, int]]:
        """Look up how many attempts of each key have no end; see ``Journal.deaths``."""
        return self._run(lambda store: self._journal.deaths(store, keys))

    async def begin(self, keys: Sequence[RequestKey]) -> Mapping[RequestKey, int]:
        """Put an attempt of each key on record; returns how many deaths there were before.

        When the caller is cancelled meanwhile, because the session is lost, the attempts are voided: they do not begin.

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
        """Have all that is on record of each key removed: its attempt has come to an end. Nobody waits for it."""
        self._run(lambda store: self._journal.end(store, keys))

    async def ended(self, keys: Sequence[RequestKey]) -> None:
        """Do the same, and wait for it; it is done also when the caller is cancelled meanwhile."""
        await asyncio.wait({self._run(lambda store: self._journal.end(store, keys))})

    def void(self, keys: Sequence[RequestKey]) -> None:
        """Have the last attempt of each key taken off the record: no worker has died. ``catch_up`` does it."""
        self._journal.void(keys)

    def catch_up(self) -> asyncio.Future[None]:
        """Void what is still to be voided; see ``Journal.catch_up``."""
        return self._run(self._journal.catch_up)

    def _began_in_vain(self, keys: Sequence[RequestKey], beginning: asyncio.Future[Mapping[RequestKey, int]]) -> None:
        if not beginning.cancelled() and beginning.exception() is None:
            self.void(keys)
            self.catch_up().add_done_callback(_voided)


def _voided(catching_up: asyncio.Future[None]) -> None:
    if not catching_up.cancelled() and (error := catching_up.exception()):
        logger.info("attempts that did not begin are voided later: %s", error)
