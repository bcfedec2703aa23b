"""What the database tells of a request."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from leveret.operate.explain.known import BlindSpot, Findings, KnownEvent, KnownFact
from leveret.operate.explain.question import Question
from leveret.process.durations import format_duration
from leveret.sql import Store, create_engine
from leveret.sql.request_rows import AnsweredRequest, RecordedAttempt, answered_requests, recorded_attempts
from leveret.wire.masking import shown, without_secrets
from leveret.wire.words import counted

SOURCE: Final = "database"
_NONE: Final = BlindSpot(SOURCE, "this application keeps no rows, so nobody can tell whether the request was executed")
_LONGEST_TEXT: Final = 300


async def ask_rows(question: Question) -> Findings:
    """Read the stored responses and the crash journal.

    Raises:
        StorageUnavailable: the database does not answer.
        StorageFailed: it refuses, because it has no such tables, for example.
    """
    if not question.app.uses_database(question.settings):
        return Findings(blind=(_NONE,))
    return await asyncio.to_thread(_read, question)


def _read(question: Question) -> Findings:
    settings = question.settings
    engine = create_engine(settings.database_url, pooler=settings.database_pooler, file="look")
    store = Store(engine)
    try:
        with store.begin(writes=False) as transaction:
            answered = answered_requests(transaction.connection, question.id)
            recorded = recorded_attempts(transaction.connection, question.id)
    finally:
        store.close()
        engine.dispose()
    facts = [_answered(each, question.secrets) for each in answered] + [_recorded(each) for each in recorded]
    return Findings(tuple(facts), () if answered else (_no_row(question),))


def _no_row(question: Question) -> BlindSpot:
    kept = format_duration(question.settings.retention)
    return BlindSpot(
        SOURCE,
        f"no response is stored: it was not executed, or longer than {kept} ago, or its action only reads, which keeps "
        "no row",
    )


def _answered(row: AnsweredRequest, secrets: frozenset[str]) -> KnownFact:
    reply: Any = without_secrets(msgspec.json.decode(row.response), secrets)
    error = reply.get("code") if isinstance(reply, dict) else None
    text = shown(str(reply.get("error") or ""), _LONGEST_TEXT) if error else ""
    action = f"{row.version}.{row.action}"
    return KnownFact(
        event=KnownEvent.ANSWERED,
        text=f"{action} was answered with {error}: {text}" if error else f"{action} was executed with success",
        source=SOURCE,
        at=row.at.timestamp(),
        principal=row.principal,
        details={"action": action, "reply": reply},
    )


def _recorded(row: RecordedAttempt) -> KnownFact:
    return KnownFact(
        event=KnownEvent.ON_RECORD,
        text=f"{counted(row.attempts, 'attempt')} on record in the crash journal, the last one began",
        source=SOURCE,
        at=row.at.timestamp(),
        principal=row.principal,
        details={"attempts": row.attempts},
    )
