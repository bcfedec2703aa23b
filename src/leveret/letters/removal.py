"""Taking dead letters out of their queue, for an operator: they are sent again, or discarded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.letters.key import letter_key
from leveret.letters.letter import request_id
from leveret.letters.marking import mark
from leveret.letters.redrive import NotRedrivable, Redriver
from leveret.letters.walk import Decide, Decision, Drop, Keep, Send, walk
from leveret.topology import Topology
from leveret.wire.kept import iso_time
from leveret.wire.marks import Fate, LetterMark


class LetterFate(Struct, frozen=True):
    """What became of one dead letter.

    Attributes:
        id: the id of its request, where the letter has it.
        kept: why the letter stays in the queue; empty when it was taken out.
    """

    id: str | None
    kept: str


class LetterReport(Struct, frozen=True):
    """What became of the dead letters that somebody asked for.

    Attributes:
        done: how many were taken out: sent again, or discarded.
        kept: how many stay for a reason.
        missing: ids of which no letter was seen.
        complete: every letter of the queue was seen.
    """

    done: int
    kept: int
    missing: tuple[str, ...]
    complete: bool


async def redrive_letters(
    url: str, redriver: Redriver, ids: Collection[str] | None, tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Send dead letters again as fresh requests, and take each out once the broker has confirmed its request.

    Args:
        url: the broker.
        redriver: decides what may be sent again, and makes its message.
        ids: the requests' ids, or None for all letters that lie there now, except those on which workers died.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done,
            and whatever else may have been sent has its effect once.
    """

    def decide(delivery: Delivery) -> Decision:
        try:
            return Send(redriver.message(delivery, named=ids is not None))
        except NotRedrivable as error:
            return Keep(str(error))

    return await _remove(url, redriver.topology, ids, decide, tell, what="redriven")


async def discard_letters(
    url: str, topology: Topology, ids: Collection[str] | None, tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Drop dead letters for good, whoever wrote them.

    Args:
        url: the broker.
        topology: names the queue.
        ids: the requests' ids, or None for all letters that lie there now.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done.
    """
    return await _remove(url, topology, ids, lambda _: Drop(), tell, what="discarded")


async def _remove(
    url: str,
    topology: Topology,
    ids: Collection[str] | None,
    decide: Decide,
    tell: Callable[[LetterFate], None],
    *,
    what: Fate,
) -> LetterReport:
    wanted = None if ids is None else frozenset(ids)
    fates: Counter[bool] = Counter()
    found: set[str | None] = set()
    taken: list[LetterMark] = []

    def decide_wanted(delivery: Delivery) -> Decision:
        return decide(delivery) if wanted is None or request_id(delivery) in wanted else Keep()

    def count(delivery: Delivery, decision: Decision) -> None:
        fate = LetterFate(request_id(delivery), decision.why if isinstance(decision, Keep) else "")
        fates[not fate.kept] += 1
        if not fate.kept:
            taken.append(LetterMark(letter_key(delivery), what, iso_time(datetime.now(UTC))))
        if wanted is not None:
            found.add(fate.id)
        tell(fate)

    async with connected(url) as connection:
        try:
            complete = await walk(connection, topology, decide_wanted, count)
        finally:
            await mark(connection, topology, taken)
    missing = tuple(each for each in dict.fromkeys(ids or ()) if each not in found)
    return LetterReport(fates[True], fates[False], missing, complete)
