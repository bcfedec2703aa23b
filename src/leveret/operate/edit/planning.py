"""What an edit would change, found out without changing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.letters.edit.editor import EditedLetter, NotEdited
from leveret.letters.filters import LetterFilter
from leveret.letters.index.opening import Source
from leveret.letters.letter import request_id
from leveret.letters.unmatched import NoSuchLetters
from leveret.letters.wanted import find_letters
from leveret.sql import Store, create_engine
from leveret.sql.pooling import Pooler
from leveret.sql.request_rows import responses_to

MOST_EDITED: Final = 10_000
"""Letters that are edited at once; all of them are in memory, twice."""

_AT_ONCE: Final = 500
"""Ids in one statement."""

_EXECUTED: Final = (
    "it was executed, and its response is stored: with other data it would be another request under the same id, which "
    "workers refuse; have its caller ask with a new id, then discard it"
)
_LARGE: Final = "its body is too large, or its properties cannot be read"


class RefusedEdit(Struct, frozen=True):
    """A letter that cannot be edited.

    Attributes:
        request_id: the id of its request, where it has one.
        why: why, and what to do.
    """

    request_id: str | None
    why: str


class EditPlan(Struct, frozen=True):
    """What an edit would change.

    Attributes:
        edits: the letters with their new data, the oldest first.
        refused: letters that stay as they are.
        missing: ids of which no letter was found.
        unseen: how many letters of the queue could not be looked through.
        left: how many more letters there are than are edited at once.
    """

    edits: tuple[EditedLetter, ...]
    refused: tuple[RefusedEdit, ...]
    missing: tuple[str, ...] = ()
    unseen: int = 0
    left: int = 0


async def plan_edits(source: Source, wanted: LetterFilter, edit: Callable[[Delivery], EditedLetter]) -> EditPlan:
    """Find letters, and make the edited ones.

    Args:
        source: the broker, and the file of the index.
        wanted: which letters.
        edit: makes an edited letter; raises NotEdited.

    Raises:
        BrokerTrouble: there is no queue of letters, or no permission.
        IndexTrouble: the file of the index cannot be used.
        ValueError: the text of the filter cannot be searched.
        NoSuchLetters: no letter meets the conditions.
    """
    found = await find_letters(source, wanted, MOST_EDITED)
    if found.none:
        raise NoSuchLetters(found.none)
    edits: list[EditedLetter] = []
    refused: list[RefusedEdit] = []
    for letter in found.letters:
        if letter.left_out or letter.unreadable:
            refused.append(RefusedEdit(request_id(letter), _LARGE))
            continue
        try:
            edits.append(edit(letter))
        except NotEdited as error:
            refused.append(RefusedEdit(request_id(letter), str(error)))
    return EditPlan(tuple(edits), tuple(refused), found.missing, found.unseen, found.left)


class Executed(Struct, frozen=True):
    """Tells which requests were executed, as the stored responses say.

    A request keeps its id, which is what keeps it from having its effect twice. So only one that has no response may
    get other data.

    Attributes:
        url: the database of the application; None if it keeps no responses.
        pooler: what is between here and PostgreSQL.
    """

    url: str | None
    pooler: Pooler = "auto"

    async def taken_out(self, plan: EditPlan) -> EditPlan:
        """Return a plan in which letters of requests that were executed are refused.

        Raises:
            StorageUnavailable: the database does not answer.
            StorageFailed: it refuses, because it has no such table, for example.
        """
        if self.url is None or not plan.edits:
            return plan
        ids = [each.request_id for each in plan.edits]
        known = await asyncio.to_thread(_executed, self.url, self.pooler, ids)
        executed = [each for each in plan.edits if (each.principal, each.request_id) in known]
        refused = tuple(RefusedEdit(each.request_id, _EXECUTED) for each in executed)
        kept = tuple(each for each in plan.edits if (each.principal, each.request_id) not in known)
        return replace(plan, edits=kept, refused=plan.refused + refused)


def _executed(url: str, pooler: Pooler, ids: Sequence[str]) -> frozenset[tuple[str, str]]:
    engine = create_engine(url, pooler=pooler, file="look")
    store = Store(engine)
    found: set[tuple[str, str]] = set()
    try:
        for begin in range(0, len(ids), _AT_ONCE):
            with store.begin(writes=False) as transaction:
                rows = responses_to(transaction.connection, ids[begin : begin + _AT_ONCE])
            found |= {(principal, request) for request, principal, _ in rows}
    finally:
        store.close()
        engine.dispose()
    return frozenset(found)
