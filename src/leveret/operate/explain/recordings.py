"""What the flight recorders of workers on this machine tell of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from leveret.observe.outcome_words import OutcomeWord
from leveret.observe.recorder.reading import FlightRecording, find, read_recordings
from leveret.observe.recorder.record_format import RecordedRequest
from leveret.operate.explain.known import SINCE, BlindSpot, Findings, KnownEvent, KnownFact
from leveret.operate.explain.question import Question
from leveret.wire.masking import shown

SOURCE: Final = "flight recorder"
_NOTHING: Final = BlindSpot(
    SOURCE, "no worker on this machine has recorded anything: the recorder is off, or they run elsewhere"
)
_ANSWERED: Final = frozenset({OutcomeWord.OK, OutcomeWord.REFUSED, OutcomeWord.REPLAYED})
_LONGEST_TEXT: Final = 100


async def ask_recordings(question: Question) -> Findings:
    """Read the recordings of the workers on this machine.

    Raises:
        OSError: they cannot be read.
    """
    return await asyncio.to_thread(_read, question)


def _read(question: Question) -> Findings:
    name = question.app.name
    facts = [fact for recording, request in find(name, question.id) for fact in recorded_facts(recording, request)]
    return Findings(tuple(facts), () if facts or read_recordings(name) else (_NOTHING,))


def recorded_facts(recording: FlightRecording, request: RecordedRequest) -> Iterator[KnownFact]:
    """Return what one record tells: when a worker received the request, and what became of it there."""
    source = f"{SOURCE}, worker {shown(recording.worker, _LONGEST_TEXT)}"
    action = shown(request.action, _LONGEST_TEXT)
    if request.received is not None:
        yield KnownFact(
            event=KnownEvent.RECEIVED,
            text=f"a worker received it: {action}, attempt {request.attempt}",
            source=source,
            at=request.received,
            details={"action": action, "attempt": request.attempt},
        )
    if request.in_hand:
        yield _in_hand(recording, request, source)
    elif request.settled is not None:
        yield _ended(request, source)


def _in_hand(recording: FlightRecording, request: RecordedRequest, source: str) -> KnownFact:
    if recording.died:
        return KnownFact(event=KnownEvent.DIED, text="the worker died and had it in hand", source=source)
    if not recording.alive:
        text = "the worker ended and was not done with it"
        return KnownFact(event=KnownEvent.PASSED_ON, text=text, source=source, at=recording.closed)
    runs, waits = (
        "the worker has it in hand, and its action runs",
        "the worker has it in hand, and its action does not run",
    )
    text, since = runs if request.running else waits, {SINCE: request.received}
    return KnownFact(event=KnownEvent.IN_HAND, text=text, source=source, details=since)


def _ended(request: RecordedRequest, source: str) -> KnownFact:
    words = request.outcome.value.replace("_", " ") if request.outcome else "settled"
    text = f"the worker was done with it: {words}{f' {request.code}' if request.code else ''}"
    event = KnownEvent.ENDED if request.outcome in _ANSWERED else KnownEvent.PASSED_ON
    return KnownFact(event=event, text=text, source=source, at=request.settled)
