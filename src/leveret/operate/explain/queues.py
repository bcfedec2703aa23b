"""What the broker tells of a request: its dead letters, and what nobody can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from leveret.broker.queues import report_queues
from leveret.letters.filters import LetterFilter, LetterState
from leveret.letters.index.opening import Source, UpToDate, up_to_date
from leveret.letters.index.records import LetterRow
from leveret.operate.explain.known import BlindSpot, Findings, KnownEvent, KnownFact
from leveret.operate.explain.question import Question
from leveret.wire.masking import shown
from leveret.wire.words import counted

SOURCE: Final = "dead letters"
_UNSEEN: Final = "{} there, and nobody can see which: a look would take them out"
_NO_STREAM: Final = BlindSpot(
    SOURCE, "there is no stream of letters, so nobody knows letters that were taken out of the queue"
)
_MOST: Final = 50
"""Letters of one id that are told of."""

_LONGEST_TEXT: Final = 300

_NOW: Final = {
    LetterState.PRESENT: (KnownEvent.LETTER, "its dead letter is in the queue"),
    LetterState.REDRIVEN: (KnownEvent.REDRIVEN, "its letter was sent again"),
    LetterState.DISCARDED: (KnownEvent.DISCARDED, "its letter was discarded"),
    LetterState.EDITED: (KnownEvent.EDITED, "its letter was replaced by an edited one"),
    LetterState.GONE: (KnownEvent.GONE, "its letter is not in the queue any more, and nobody has noted why"),
}


class _Told(Struct, frozen=True):
    """What all facts of one letter have in common."""

    principal: str | None

    def fact(self, event: KnownEvent, text: str, at: object = None, **more: Any) -> KnownFact:
        return KnownFact(event=event, text=text, at=_moment(at), principal=self.principal, **{"source": SOURCE, **more})


async def ask_letters(question: Question) -> Findings:
    """Ask the index of letters, which is brought up to date; the letters stay where they are.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or no connection.
        IndexTrouble: the file of the index cannot be used.
    """
    source = Source(question.settings.amqp_url, question.app.topology(question.settings), question.secrets)
    async with up_to_date(source) as found:
        wanted = LetterFilter(ids=(question.id,), state=LetterState.ANY)
        rows = [found.index.read(row.key) or row for row in found.index.find(wanted, _MOST).rows]
        blind = tuple(_blind(found))
    return Findings(tuple(fact for row in rows for fact in letter_facts(row)), blind)


def _blind(found: UpToDate) -> Iterator[BlindSpot]:
    if not found.streamed:
        yield _NO_STREAM
    if (unseen := found.depth - found.present) > 0:
        yield BlindSpot(SOURCE, f"{counted(unseen, 'letter')} of the queue could not be looked through")


async def ask_depths(question: Question) -> Findings:
    """Count what waits where nobody can look.

    Raises:
        BrokerTrouble: there is no connection, or no permission.
    """
    topology = question.app.topology(question.settings)
    reports = await report_queues(question.settings.amqp_url, topology)
    waiting = {each.name: each.messages for each in reports if each.name != topology.dead_letters and each.messages}
    blind = [BlindSpot(name, _UNSEEN.format(counted(count, "message"))) for name, count in waiting.items()]
    return Findings(blind=tuple(blind))


def letter_facts(row: LetterRow) -> Iterator[KnownFact]:
    """Return what a letter tells: the attempts that failed, its end, and what became of it."""
    document = row.document or {}
    letter, told = document.get("letter"), _Told(row.principal or None)
    for attempt in _list(letter, "attempts"):
        worker = f"{SOURCE}, worker {_text(attempt, 'worker')}"
        text = f"an attempt failed: {_text(attempt, 'reason')}"
        yield told.fact(KnownEvent.FAILED, text, _get(attempt, "failed_at"), source=worker)
    if reason := _text(letter, "reason"):
        yield told.fact(KnownEvent.GIVEN_UP, f"it was given up: {reason}", _get(letter, "failed_at"))
    for death in () if reason else _list(document, "deaths"):
        text = f"the broker moved it out of {_text(death, 'queue')}: {_text(death, 'reason')}"
        yield told.fact(KnownEvent.GIVEN_UP, text)
    for edit in _list(letter, "edited"):
        text = f"its data was edited by {_text(edit, 'by')}: {_text(edit, 'why')}"
        yield told.fact(KnownEvent.EDITED, text, _get(edit, "at"))
    event, text = _NOW[row.state]
    yield told.fact(event, text, details={"letter": row.key, **({"document": document} if document else {})})


def _get(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _text(value: object, name: str) -> str:
    found = _get(value, name)
    return shown(found, _LONGEST_TEXT) if isinstance(found, str) else ""


def _list(value: object, name: str) -> list[object]:
    found = _get(value, name)
    return list(found) if isinstance(found, list | tuple) else []


def _moment(text: object) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
