"""Writes letters into the archive, finds them there, and forgets them when they are too old."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from leveret.amqp import Delivery
from leveret.errors import LeveretError
from leveret.letters.keeping import KeptLetter
from leveret.letters.portable import message_of
from leveret.operate.record import Cause
from leveret.sql import Store
from leveret.sql.archive_rows import (
    ArchivedLetter,
    ArchivedMessage,
    archived_messages,
    find_archived,
    forget_archived,
    put_archived,
    set_archived,
)

_MOST_AT_ONCE: Final = 200
"""Messages that are read from the archive together."""

_STEP: Final = timedelta(microseconds=1)
"""Between letters that are written together, so that they stay in their order."""

_MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of the bodies that are read together; one alone may have more."""


_RUNS: Final = "somebody else restores letters at the moment; nothing was done: do it again when that has ended"


class RestoreRuns(LeveretError):
    """Somebody else brings letters back from this archive; the text says what to do."""


class LetterPlace(StrEnum):
    """Where a letter of the archive is."""

    LEAVING = "leaving"
    """It was written here, and perhaps the queue still has it."""
    ARCHIVED = "archived"
    """It is only here."""
    RETURNING = "returning"
    """It is being brought back, and perhaps the queue has it."""
    RESTORED = "restored"
    """It is in the queue again."""


HERE: Final = (LetterPlace.LEAVING, LetterPlace.ARCHIVED, LetterPlace.RETURNING)
"""Where a letter may be brought back from."""


class Archive:
    """Discarded letters in a database; for one thread at a time.

    Every method raises StorageUnavailable if the database does not answer, and StorageFailed if it refuses.

    Args:
        store: the database, which has this version's tables.
        age: how long a letter is kept.
        clock: the time with its zone.
    """

    def __init__(self, store: Store, age: timedelta, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._age = age
        self._clock = clock

    @property
    def age(self) -> timedelta:
        """How long a letter is kept."""
        return self._age

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Let nobody else bring letters back while the block runs.

        Raises:
            RestoreRuns: somebody does.
        """
        with self._store.restoring() as ours:
            if not ours:
                raise RestoreRuns(_RUNS)
            yield

    def put(self, cause: Cause, letters: Sequence[KeptLetter]) -> None:
        """Write letters that are about to leave the queue; committed when this returns.

        A letter that is here already is written anew: whoever discards it again gets the whole time once more.

        Args:
            cause: who discards them, and why.
            letters: the letters.
        """
        if not letters:
            return
        told, now = cause.kept(), self._clock()
        rows = [
            (
                ArchivedLetter(
                    letter=each.key,
                    request=each.request,
                    action=each.action,
                    state=LetterPlace.LEAVING,
                    whole=each.whole,
                    at=now + number * _STEP,
                    by_whom=told.by,
                    why=told.why,
                    incident=told.incident,
                    size=each.size,
                ),
                ArchivedMessage(each.key, each.properties_json, each.body),
            )
            for number, each in enumerate(letters)
        ]
        with self._store.begin(writes=True) as transaction:
            put_archived(transaction.connection, rows)

    def settle(self, keys: Collection[str], place: LetterPlace, *, was: Collection[LetterPlace] = ()) -> frozenset[str]:
        """Write where letters are now, and return the keys of those for which that was written.

        Args:
            keys: of the letters.
            place: where they are.
            was: only those that are still in one of these places; empty for any. Somebody else may have moved them
                meanwhile, and then knows where they are.
        """
        if not keys:
            return frozenset()
        with self._store.begin(writes=True) as transaction:
            return set_archived(transaction.connection, keys, place, was=was)

    def forget(self) -> int:
        """Remove letters that were discarded longer ago than they are kept, and return how many."""
        with self._store.begin(writes=True) as transaction:
            return forget_archived(transaction.connection, self._clock() - self._age)

    def find(
        self, names: Sequence[str] = (), *, places: Collection[LetterPlace] = HERE, most: int | None = None
    ) -> list[ArchivedLetter]:
        """Return letters, the one that was discarded first at the beginning.

        Args:
            names: keys of letters, or ids of requests; empty for all.
            places: where they are; empty for anywhere.
            most: how many at most.
        """
        with self._store.begin(writes=False) as transaction:
            return find_archived(transaction.connection, names=names, states=places, most=most)

    def messages(self, letters: Sequence[ArchivedLetter]) -> Iterator[list[tuple[ArchivedLetter, Delivery]]]:
        """Yield letters with their messages, in their order, few at a time.

        Raises:
            NotPortable: a row was changed by somebody else.
        """
        for part in _parts(letters):
            with self._store.begin(writes=False) as transaction:
                found = archived_messages(transaction.connection, [each.letter for each in part])
            yield [
                (each, message_of(found[each.letter].properties_json, found[each.letter].body))
                for each in part
                if each.letter in found
            ]


def _parts(letters: Sequence[ArchivedLetter]) -> Iterator[list[ArchivedLetter]]:
    part: list[ArchivedLetter] = []
    size = 0
    for letter in letters:
        if part and (len(part) >= _MOST_AT_ONCE or size + letter.size > _MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(letter)
        size += letter.size
    if part:
        yield part
