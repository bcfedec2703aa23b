"""What the broker tells of a request: its dead letters, and what nobody can see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from leveret.amqp import Delivery
from leveret.broker.connecting import connected
from leveret.broker.queues import report_queues
from leveret.letters.document import as_document
from leveret.letters.letter import Letter, read_letter
from leveret.letters.look import MOST_LETTERS, look_at_messages
from leveret.operate.explain.known import BlindSpot, Findings, KnownEvent, KnownFact
from leveret.operate.explain.question import Question
from leveret.wire.envelope import PRINCIPAL
from leveret.wire.letter import LetterBody
from leveret.wire.masking import shown
from leveret.wire.words import counted

SOURCE: Final = "dead-letter queue"
_UNSEEN: Final = "{} there, and nobody can see which: a look would take them out"
_LONGEST_TEXT: Final = 300


async def ask_letters(question: Question) -> Findings:
    """Look at the dead letters; they stay where they are.

    Raises:
        BrokerTrouble: there is no such queue, no permission, or no connection.
    """
    topology = question.app.topology(question.settings)
    async with connected(question.settings.amqp_url) as connection:
        seen = await look_at_messages(connection, topology, MOST_LETTERS)
    facts = [fact for delivery in seen for fact in letter_facts(delivery, question)]
    behind = BlindSpot(SOURCE, f"only the oldest {MOST_LETTERS:,} letters were looked at; more lie behind them")
    return Findings(tuple(facts), (behind,) if len(seen) >= MOST_LETTERS else ())


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


def letter_facts(delivery: Delivery, question: Question) -> Iterator[KnownFact]:
    """Return what a letter tells, if it is one of the request: its attempts, its end, and that it is there."""
    letter = read_letter(delivery)
    if question.id not in (letter.request_id, letter.correlation_id):
        return
    found = (delivery.properties.headers or {}).get(PRINCIPAL)
    principal = found if isinstance(found, str) else None
    for attempt in letter.attempts:
        yield KnownFact(
            event=KnownEvent.FAILED,
            text=f"an attempt failed: {shown(attempt.reason, _LONGEST_TEXT)}",
            source=f"{SOURCE}, worker {shown(attempt.worker, _LONGEST_TEXT)}",
            at=_moment(attempt.failed_at),
            principal=principal,
        )
    yield from _end(letter, principal, question)


def _end(letter: Letter, principal: str | None, question: Question) -> Iterator[KnownFact]:
    content = letter.content
    details = as_document(letter, question.secrets)
    if isinstance(content, LetterBody):
        at, text = _moment(content.failed_at), f"it was given up: {shown(letter.reason, _LONGEST_TEXT)}"
        yield KnownFact(event=KnownEvent.GIVEN_UP, text=text, source=SOURCE, at=at, principal=principal)
    for death in () if isinstance(content, LetterBody) else letter.deaths:
        text = f"the broker moved it out of {shown(death.queue, _LONGEST_TEXT)}: {shown(death.reason, _LONGEST_TEXT)}"
        yield KnownFact(event=KnownEvent.GIVEN_UP, text=text, source=SOURCE, principal=principal)
    yield KnownFact(
        event=KnownEvent.LETTER,
        text="its dead letter is in the queue",
        source=SOURCE,
        principal=principal,
        details=details,
    )


def _moment(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
