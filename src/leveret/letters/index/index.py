"""The index of dead letters: one file that is fed in batches, and answers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from leveret.amqp import Delivery
from leveret.letters.filters import EVERYTHING, LetterFilter
from leveret.letters.index import feeding, finding, schema
from leveret.letters.index.entries import EntryReader, stored_key
from leveret.letters.index.feeding import Change, Event
from leveret.letters.index.groups import groups_of
from leveret.letters.index.kinds import kinds
from leveret.letters.index.marks import is_mark, read_change
from leveret.letters.index.records import LetterGroup, LetterPage, LetterRow


class LetterIndex:
    """Dead letters in a file of SQLite, with everything that is shown of them and nothing that is secret.

    The file may be deleted at any time, and two processes may write and read it at once. One index may be used by
    several threads, by one at a time.

    Args:
        path: of the file; it is made, or made anew if it belongs to something else: see `open`.
        secrets: names of the fields whose values are not kept; an index of other secrets is made anew.
        belongs_to: the broker, vhost and prefix of the letters.
        clock: POSIX time in seconds.

    Raises:
        IndexTrouble: the file cannot be used.
    """

    def __init__(
        self, path: Path, secrets: Iterable[str], belongs_to: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        names = sorted(secrets)
        digest = hashlib.blake2b("\0".join(names).encode(), digest_size=16).hexdigest()
        self._facts = {"belongs_to": belongs_to, "secrets": digest}
        self._reader = EntryReader(names)
        self._clock = clock
        self._connection = schema.open_file(path, self._facts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def next_offset(self) -> int:
        """The offset of the stream at which reading goes on."""
        return feeding.next_offset(self._connection)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def is_last(self, offset: int, delivery: Delivery) -> bool:
        """Tell whether a message is the last one that was read; otherwise the stream is another one than before."""
        ((_, event),) = self.events([(offset, delivery)])
        return offset == self.next_offset - 1 and feeding.key_of(event) == feeding.last_key(self._connection)

    def rebuild(self) -> None:
        """Forget everything, so that reading begins with the oldest message of the stream."""
        schema.rebuild(self._connection, self._facts)

    def events(self, deliveries: Iterable[tuple[int, Delivery]]) -> list[Event]:
        """Read messages of the stream, each with its offset, for `feed`; the file is not used."""
        read = self._reader.read
        return [(offset, read_change(each) if is_mark(each) else read(each)) for offset, each in deliveries]

    def feed(self, events: Sequence[Event]) -> int:
        """Write a batch in the order of its offsets, and return how many of them nobody had written before."""
        return feeding.feed(self._connection, events)

    def adopt(self, deliveries: Iterable[Delivery]) -> None:
        """Write letters that were seen in the queue itself, which is older than the stream."""
        feeding.adopt(self._connection, [self._reader.read(delivery) for delivery in deliveries])

    def keys_of(self, deliveries: Iterable[Delivery]) -> frozenset[str]:
        """Return the keys of letters that were seen in the queue itself."""
        return frozenset(self._reader.read(delivery).key for delivery in deliveries)

    def change(self, changes: Sequence[Change]) -> None:
        """Write what became of letters before the stream tells."""
        feeding.change(self._connection, changes)

    def find(
        self, wanted: LetterFilter = EVERYTHING, limit: int = 50, after: int | None = None, *, newest: bool = False
    ) -> LetterPage:
        """Return a page of letters, without their documents.

        Args:
            wanted: which letters.
            limit: how many at most, 1 or more.
            after: what the page before says.
            newest: from the newest to the oldest, instead of the other way round.

        Raises:
            ValueError: the text of the filter cannot be searched.
        """
        found = finding.query(self._connection, wanted, self._clock())
        if found is None:
            return LetterPage((), None)
        return finding.page(self._connection, found, limit, after, newest=newest)

    def count(self, wanted: LetterFilter = EVERYTHING) -> int:
        """Count letters.

        Raises:
            ValueError: the text of the filter cannot be searched.
        """
        found = finding.query(self._connection, wanted, self._clock())
        return 0 if found is None else finding.count(self._connection, found)

    def copies(self) -> int:
        """Return how many messages of the queue the letters that are present should be."""
        row = self._connection.execute("SELECT coalesce(sum(copies), 0) FROM letters WHERE copies > 0").fetchone()
        return int(row[0])

    def keys(self, wanted: LetterFilter = EVERYTHING) -> Iterator[str]:
        """Return the keys of letters, in the order in which they came; they are read while one goes through them.

        Raises:
            ValueError: the text of the filter cannot be searched.
        """
        found = finding.query(self._connection, wanted, self._clock())
        return iter(()) if found is None else finding.keys(self._connection, found)

    def targets(self, wanted: LetterFilter = EVERYTHING) -> Iterator[tuple[str, str]]:
        """Return the keys of letters, each with the id of its request; for all else see `keys`.

        Raises:
            ValueError: the text of the filter cannot be searched.
        """
        found = finding.query(self._connection, wanted, self._clock())
        return iter(()) if found is None else finding.targets(self._connection, found)

    def read(self, key: str) -> LetterRow | None:
        """Return a letter with everything that is shown of it; None where there is no letter with this key."""
        return finding.read(self._connection, stored_key(key))

    def groups(self) -> list[LetterGroup]:
        """Return all groups of letters, that with the most letters in the queue first."""
        return groups_of(kinds(self._connection))
