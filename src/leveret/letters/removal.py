"""Taking dead letters out of their queue, for an operator: they are sent again, archived, or dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.letters.choice import Choice
from leveret.letters.keeping import LetterKeeper, NotKept
from leveret.letters.key import letter_key
from leveret.letters.letter import request_id
from leveret.letters.marking import mark
from leveret.letters.redrive import NotRedrivable
from leveret.letters.sender import LetterSender
from leveret.letters.walk import Decide, Decision, Drop, Keep, Move, Store, Tell, nowhere, walk
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
    url: str, sender: LetterSender, choice: Choice, tell: Callable[[LetterFate], None], *, by: str | None = None
) -> LetterReport:
    """Send dead letters again as fresh requests, and take each out once the broker has confirmed its request.

    Args:
        url: the broker.
        sender: decides what may be sent again, and makes its message.
        choice: which letters. Those on which workers died are sent only if they are named by their ids.
        tell: called for each letter, as soon as it is done.
        by: who does it, for the stream of letters.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done,
            and whatever else may have been sent has its effect once.
    """

    def decide(delivery: Delivery) -> Decision:
        try:
            return sender.send(delivery, named=choice.ids is not None)
        except NotRedrivable as error:
            return Keep(str(error))

    try:
        taking = Taking(decide, tell, "redriven", settled=sender.told, by=by)
        return await take_out(url, sender.topology, choice, taking)
    finally:
        sender.close()


async def discard_letters(
    url: str, topology: Topology, choice: Choice, tell: Callable[[LetterFate], None]
) -> LetterReport:
    """Drop dead letters for good, whoever wrote them.

    Args:
        url: the broker.
        topology: names the queue.
        choice: which letters.
        tell: called for each letter, as soon as it is done.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done.
    """
    return await take_out(url, topology, choice, Taking(lambda _: Drop(), tell, "discarded"))


async def archive_letters(
    url: str,
    topology: Topology,
    choice: Choice,
    tell: Callable[[LetterFate], None],
    *,
    keeper: LetterKeeper,
    store: Store,
) -> LetterReport:
    """Move dead letters elsewhere, whoever wrote them; each is acked when it has been kept.

    A crash between the two leaves the letter in both places.

    Args:
        url: the broker.
        topology: names the queue.
        choice: which letters.
        tell: called for each letter, as soon as it is done.
        keeper: makes what is kept of a letter; what cannot be kept stays.
        store: keeps them.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost. What was told before is done.
        Exception: what ``store`` raised; the letters that it was given are in the queue.
    """

    def decide(delivery: Delivery) -> Decision:
        try:
            return Move(keeper.keep(delivery))
        except NotKept as error:
            return Keep(str(error))

    return await take_out(url, topology, choice, Taking(decide, tell, "discarded", store))


class Taking(Struct, frozen=True):
    """How letters are taken out of their queue.

    Attributes:
        decide: what is to be done with a letter that was chosen.
        tell: called for each letter, as soon as it is done.
        what: what the stream of letters is told of those that were taken out.
        store: keeps letters that are moved.
        taken: called for each letter that was taken out, before it is told.
        settled: called for each letter with what was done, before it is told.
        by: who does it, for the stream of letters.
    """

    decide: Decide
    tell: Callable[[LetterFate], None]
    what: Fate
    store: Store = nowhere
    taken: Callable[[Delivery], None] = lambda _: None
    settled: Tell = lambda _delivery, _decision: None
    by: str | None = None


async def take_out(url: str, topology: Topology, choice: Choice, taking: Taking) -> LetterReport:
    """Take letters out of their queue, and tell the indexes.

    Args:
        url: the broker.
        topology: names the queue.
        choice: which letters.
        taking: what is done with them.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or the connection was lost.
    """
    fates: Counter[bool] = Counter()
    found: set[str] = set()
    taken: list[LetterMark] = []

    def decide(delivery: Delivery) -> Decision:
        return taking.decide(delivery) if choice.takes(delivery) else Keep()

    def count(delivery: Delivery, decision: Decision) -> None:
        fate = LetterFate(request_id(delivery), decision.why if isinstance(decision, Keep) else "")
        fates[not fate.kept] += 1
        taking.settled(delivery, decision)
        if not fate.kept:
            taking.taken(delivery)
            taken.append(LetterMark(letter_key(delivery), taking.what, iso_time(datetime.now(UTC)), by=taking.by))
        if choice.ids is not None:
            found.update(choice.names(delivery))
        taking.tell(fate)

    async with connected(url) as connection:
        try:
            complete = await walk(connection, topology, decide, count, store=taking.store)
        finally:
            await mark(connection, topology, taken)
    return LetterReport(fates[True], fates[False], choice.missing(found), complete)
