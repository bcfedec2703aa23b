"""Sends a portion of an operation's letters: takes them out of the queue, and leaves all others where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from leveret.amqp import Connection, Delivery
from leveret.letters.index.entries import stored_key
from leveret.letters.key import letter_key
from leveret.letters.marking import mark
from leveret.letters.redrive import NotRedrivable
from leveret.letters.sender import LetterSender
from leveret.letters.walk import Decision, Keep, walk
from leveret.operate.operations.records import LetterResult
from leveret.sql.operation_rows import OperationLetter
from leveret.wire.envelope import PRINCIPAL
from leveret.wire.kept import iso_time
from leveret.wire.letter import decode_letter
from leveret.wire.marks import LetterMark


class SentAs(Struct, frozen=True):
    """As what a letter was sent.

    Attributes:
        principal: the subject of the request's caller; empty for an anonymous one.
        action: version and name of its action.
    """

    principal: str
    action: str


class Portion:
    """Letters that are sent together, and what became of them.

    Args:
        sender: decides what may be sent again, and makes its message.
        letters: the letters, by their keys.
        named: somebody named these very letters.

    Attributes:
        settled: those that were sent, or refused, as they are to be written down.
        sent_as: as what they were sent, by their keys.
        refused_all: why the broker takes no more requests; empty if it does.
    """

    def __init__(self, sender: LetterSender, letters: Mapping[str, OperationLetter], *, named: bool) -> None:
        self.settled: dict[str, OperationLetter] = {}
        self.sent_as: dict[str, SentAs] = {}
        self.refused_all = ""
        self._sender = sender
        self._letters = letters
        self._named = named
        self._refused: set[int] = set()
        self._marks: list[LetterMark] = []

    async def send(self, connection: Connection, *, operation: str, by: str, stopped: Callable[[], bool]) -> bool:
        """Go through the queue until all letters of the portion were seen.

        Args:
            connection: stays open.
            operation: the id of the operation, for the marks in the stream of letters.
            by: who does it, for the same.
            stopped: asked now and then whether to send nothing more.

        Returns:
            Whether each letter of the queue was seen, or all that are wanted; so what is not settled is not there.

        Raises:
            AmqpError: the connection was lost; what was settled before is done, and some of the others may be.
        """

        def enough() -> bool:
            return len(self.settled) == len(self._letters) or stopped()

        try:
            complete = await walk(connection, self._sender.topology, self._decide, self._tell, enough=enough)
        finally:
            self._sender.close()
            now = iso_time(datetime.now(UTC))
            marks = [replace(each, at=now, operation=operation, by=by) for each in self._marks]
            await mark(connection, self._sender.topology, marks)
        return complete and not self.refused_all and not stopped()

    def _decide(self, delivery: Delivery) -> Decision:
        key = stored_key(letter_key(delivery))
        if key not in self._letters:
            return Keep()
        try:
            return self._sender.send(delivery, named=self._named)
        except NotRedrivable as error:
            self._refused.add(id(delivery))  # it lives until it is told
            return Keep(str(error))

    def _tell(self, delivery: Delivery, decision: Decision) -> None:
        """Note what became of a letter; of several with one key, that of which one was sent was sent."""
        key = stored_key(letter_key(delivery))
        letter = self._letters[key]
        self._sender.told(delivery, decision)
        if not isinstance(decision, Keep):
            self.settled[key] = replace(letter, state=LetterResult.SENT, why="")
            self.sent_as[key] = _sent_as(delivery)
            self._marks.append(LetterMark(letter_key(delivery), "redriven", ""))
        elif id(delivery) in self._refused:
            self._refused.remove(id(delivery))
            self.settled.setdefault(key, replace(letter, state=LetterResult.REFUSED, why=decision.why))
        else:
            self.refused_all = decision.why


def _sent_as(delivery: Delivery) -> SentAs:
    """Read a letter that was believed: it has a worker's seal."""
    request, principal = decode_letter(delivery.body).request, (delivery.properties.headers or {}).get(PRINCIPAL)
    return SentAs(principal if isinstance(principal, str) else "", f"{request['version']}.{request['action']}")
