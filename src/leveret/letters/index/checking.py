"""Compares the index of letters with their queue, which is the truth, and brings them together again."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from leveret.broker.connecting import connected
from leveret.letters.filters import LetterState
from leveret.letters.index.feeding import Change
from leveret.letters.index.opening import Source, UpToDate
from leveret.letters.look import MOST_LETTERS, look_at_messages
from leveret.wire.words import counted

_MORE_IN_QUEUE: Final = (
    "{more} not in the index: older than the stream of letters, or removed from it because the stream is limited, or "
    "moved by the broker itself while the queue of requests still has the arguments of an older version"
)
_MORE_IN_INDEX: Final = (
    "{more} not in the queue any more: somebody purged it, or took letters out with another tool, or holds some at "
    "the moment"
)


class Reconciled(Struct, frozen=True):
    """What a look at the queue changed in the index.

    Attributes:
        added: letters that the index did not know, or took for gone.
        gone: letters that are not in the queue any more; None where the queue holds more than a look shows.
    """

    added: int
    gone: int | None


def difference(depth: int, present: int) -> str:
    """Return in words what it means that queue and index hold different numbers of letters; empty if they do not."""
    if depth == present:
        return ""
    more, words = abs(depth - present), _MORE_IN_QUEUE if depth > present else _MORE_IN_INDEX
    is_or_are = f"{counted(more, 'letter')} {'is' if more == 1 else 'are'}"
    return f"the queue holds {counted(depth, 'letter')}, the index {present}: {words.format(more=is_or_are)}"


async def reconcile(source: Source, found: UpToDate) -> Reconciled:
    """Look at the letters in the queue, and make the index agree with them, as far as a look shows them.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
    """
    async with connected(source.url) as connection:
        messages = await look_at_messages(connection, source.topology, MOST_LETTERS)
    index = found.index
    before = index.count()
    index.adopt(messages)
    added = index.count() - before
    if len(messages) >= MOST_LETTERS:
        return Reconciled(added, None)
    seen = index.keys_of(messages)
    gone = [Change(key, LetterState.GONE) for key in list(index.keys()) if key not in seen]
    index.change(gone)
    return Reconciled(added, len(gone))
