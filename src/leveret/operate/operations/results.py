"""Finds out what became of requests that were sent again: by their stored responses, and by new letters."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec.structs import replace

from leveret.auth.claims import LEEWAY
from leveret.errors import UnknownAction
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index import LetterIndex, LetterRow
from leveret.letters.index.opening import up_to_date
from leveret.operate.operations.planning import OperatedSystem
from leveret.operate.operations.records import LetterResult
from leveret.operate.operations.sending import SentAs
from leveret.operate.threads import in_thread
from leveret.sql import Store, create_engine
from leveret.sql.operation_rows import OperationLetter
from leveret.sql.records import RequestKey
from leveret.sql.request_rows import responses_to
from leveret.wire.codec import decode_reply
from leveret.wire.masking import shown

_AT_ONCE: Final = 500
"""Requests that one statement asks for."""

_MOST_LETTERS: Final = 20 * _AT_ONCE
"""Letters of so many requests that are looked at: the newest ones."""

_LONGEST_WHY: Final = 500

_NO_ROWS: Final = "this application keeps no rows, and no new letter has come: nobody can tell whether it succeeded"
_NO_RESPONSE: Final = "its action keeps no response, and no new letter has come: nobody can tell whether it succeeded"
_NOT_AWAITED: Final = "nobody waited for what becomes of it, because --wait is 0"
_NOTHING: Final = "neither a response nor a new letter has come within {wait:g} s: is a worker running?"


class Results:
    """What became of the requests of one operation.

    A request succeeded if a response is stored which is not an error. It failed if one is stored which is an error, or
    if there is a letter of it which does not belong to the operation and was written later. Nobody else writes both, so
    nothing is missed when a process dies and another one looks.

    Args:
        system: the application, its settings and its letters.
        own: the keys of all letters of the operation.
    """

    def __init__(self, system: OperatedSystem, own: Collection[str]) -> None:
        self._system = system
        self._own = own
        self._sent_as: dict[str, SentAs] = {}
        self._marked: set[str] = set()

    def note(self, sent: Mapping[str, SentAs]) -> None:
        """Note as what letters were sent, by their keys."""
        self._sent_as.update(sent)

    def is_marked(self, letter: OperationLetter) -> bool:
        """Return whether a mark in the stream says that this letter was sent again, as far as `learn` has seen."""
        return letter.letter in self._marked

    def is_answered(self, letter: OperationLetter) -> bool:
        """Return whether a response will be stored if the request succeeds, as far as that is known."""
        sent_as, app = self._sent_as.get(letter.letter), self._system.app
        if not app.uses_database(self._system.settings):
            return False
        if sent_as is None:
            return True
        try:
            action = app.find(*sent_as.action.split(".", 1))
        except UnknownAction:
            return True
        return action.writes or (self._system.settings.replay_all and not action.secret)

    def why_unknown(self, letter: OperationLetter, wait: float) -> str:
        """Return why it is not known what became of a request after that many seconds."""
        if not wait:
            return _NOT_AWAITED
        if self.is_answered(letter):
            return _NOTHING.format(wait=wait)
        return _NO_RESPONSE if self._system.app.uses_database(self._system.settings) else _NO_ROWS

    async def taken(self, letters: Sequence[OperationLetter]) -> dict[str, LetterState]:
        """Return what became of letters which somebody has taken out of the queue, as far as the stream tells.

        Raises:
            BrokerTrouble: the stream cannot be read.
            IndexTrouble: the file of the index cannot be used.
        """
        if not letters:
            return {}
        async with up_to_date(self._system.source) as found:
            if not found.streamed:
                return {}
            rows = await asyncio.to_thread(_rows, found.index, letters)
        return {row.key: row.state for row in rows if row.state is not LetterState.PRESENT}

    async def learn(self, letters: Sequence[OperationLetter]) -> list[OperationLetter]:
        """Return those of which it is known now what became of them, as they are to be written down.

        Raises:
            BrokerTrouble: the letters cannot be looked at.
            IndexTrouble: the file of the index cannot be used.
            StorageUnavailable, StorageFailed: the responses cannot be read.
        """
        if not letters:
            return []
        async with up_to_date(self._system.source) as found:
            failed = await asyncio.to_thread(self._failed, found.index, letters)
        if not self._system.app.uses_database(self._system.settings):
            return list(failed.values())
        return list((failed | await in_thread(self._answered, letters)).values())

    def _failed(self, index: LetterIndex, letters: Sequence[OperationLetter]) -> dict[str, OperationLetter]:
        """Return the letters of which there is a new letter."""
        failed: dict[str, OperationLetter] = {}
        for some in _parts(letters):
            found: dict[str, list[LetterRow]] = {}
            ids = tuple(dict.fromkeys(each.request for each in some if each.request))
            wanted = LetterFilter(ids=ids, state=LetterState.ANY)
            for row in index.find(wanted, _MOST_LETTERS, newest=True).rows if ids else ():
                found.setdefault(row.request_id, []).append(row)
            for each in some:
                new = self._new(each, found.get(each.request, ()))
                if new is not None:
                    failed[each.letter] = replace(each, state=LetterResult.FAILED, why=_why(index, new))
        return failed

    def _new(self, letter: OperationLetter, rows: Sequence[LetterRow]) -> LetterRow | None:
        """Return a letter of the same request that was written after this one was sent."""
        before = 0
        for row in rows:
            if row.key == letter.letter:
                before = row.number
                self._sent_as.setdefault(row.key, SentAs(row.principal, row.action))
                if row.state is LetterState.REDRIVEN:
                    self._marked.add(row.key)
        since = (letter.at - LEEWAY).timestamp()
        others = (row for row in rows if row.key not in self._own and row.number > before)
        return next((row for row in others if row.failed_at >= since or (before and not row.failed_at)), None)

    def _answered(self, letters: Sequence[OperationLetter]) -> dict[str, OperationLetter]:
        """Return the letters of whose requests a response is stored."""
        settings = self._system.settings
        engine = create_engine(settings.database_url, pooler=settings.database_pooler, file="look")
        store = Store(engine)
        found: dict[str, OperationLetter] = {}
        try:
            for some in _parts(letters):
                for each, response in self._responses(store, some):
                    found[each.letter] = _settled(each, response)
        finally:
            store.close()
            engine.dispose()
        return found

    def _responses(self, store: Store, letters: Sequence[OperationLetter]) -> Iterator[tuple[OperationLetter, bytes]]:
        known = {
            each.letter: RequestKey(self._sent_as[each.letter].principal, each.request)
            for each in letters
            if each.letter in self._sent_as
        }
        others = {each.request for each in letters if each.letter not in known}
        with store.begin(writes=False) as transaction:
            stored = transaction.find(list(dict.fromkeys(known.values())))
            of_all = responses_to(transaction.connection, others) if others else []
        by_id = {request: response.encode() for request, _, response in of_all}
        for each in letters:
            if (key := known.get(each.letter)) is not None:
                if key in stored:
                    yield each, stored[key].response
            elif each.request in by_id:
                yield each, by_id[each.request]


def _rows(index: LetterIndex, letters: Sequence[OperationLetter]) -> list[LetterRow]:
    return [row for letter in letters if (row := index.read(letter.letter)) is not None]


def _parts(letters: Sequence[OperationLetter]) -> Iterator[list[OperationLetter]]:
    rest = iter(letters)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _settled(letter: OperationLetter, response: bytes) -> OperationLetter:
    reply = decode_reply(response)
    if not reply.code:
        return replace(letter, state=LetterResult.SUCCEEDED, why="")
    text = shown(f"answered with {reply.code}: {reply.error or ''}", _LONGEST_WHY)
    return replace(letter, state=LetterResult.FAILED, why=text)


def _why(index: LetterIndex, new: LetterRow) -> str:
    """Return why a request failed again, with the key of its new letter."""
    row = index.read(new.key)
    document = row.document if row else None
    letter = document.get("letter", {}) if document else {}
    reason = letter.get("reason") or new.exception or new.code
    return shown(f"{reason} (letter {new.key})", _LONGEST_WHY)
