"""An archive in a database, and letters for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from leveret.letters.document import secrets_of
from leveret.letters.keeping import KeptLetter, LetterKeeper
from leveret.letters.letter import request_id
from leveret.letters.removal import LetterReport
from leveret.operate.archive import Archive, discard, restore
from leveret.operate.record import Cause
from leveret.sql import Store, create_engine
from leveret.sql.schema import upgrade
from support.guestbook import NAMES, NOTHING
from support.notes import note_api
from support.redriving import Again, letters_of
from support.serving import Caller

ADA = Cause(by="ada@desk", why="a test", incident="red")
KEEPER = LetterKeeper(secrets_of(note_api()))


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def archive_in(url: str, clock: Clock | None = None, age: timedelta = timedelta(days=30)) -> Iterator[Archive]:
    """Open an archive in a database, which gets its tables."""
    upgrade(url, NOTHING, NAMES)
    engine = create_engine(url)
    store = Store(engine)
    yield Archive(store, age, clock or Clock())
    store.close()
    engine.dispose()


async def kept_of(caller: Caller, *ids: str) -> list[KeptLetter]:
    """Return what would be kept of letters that lie in the queue, and leave them there."""
    return [KEEPER.keep(letter) for letter in await letters_of(caller) if request_id(letter) in ids]


class Mover:
    """Moves letters between the queue and an archive; `again.told` has their fates."""

    def __init__(self, again: Again, archive: Archive) -> None:
        self._again = again
        self.archive = archive

    async def discard(self, *ids: str) -> LetterReport:
        """Move letters into the archive, all without ids."""
        told, place = self._again.told.append, (self._again.url, self._again.topology, self._again.choice(ids or None))
        return await discard(*place, self.archive, KEEPER, cause=ADA, tell=told)

    async def restore(self, *ids: str) -> LetterReport:
        """Bring letters back, all without ids."""
        found = self.archive.find(ids)
        return await restore(self._again.url, self._again.topology, found, self.archive, self._again.told.append)
