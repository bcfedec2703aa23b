"""Reporting what is settled: one log line for each request, and a record for the observers."""

from __future__ import annotations

import logging
from typing import Final

from leveret.observe import Observers, Settled, Subject
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry

logger: Final = logging.getLogger("leveret.worker")


def tell_settled(subject: Subject, outcome: Outcome, observers: Observers) -> None:
    """Tell the log, and then the observers, what became of a delivery; both get the same record."""
    record = Settled(subject, outcome=outcome)
    write_line(record)
    if observers.active:
        observers.tell(record)


def write_line(record: Settled) -> None:
    """Write the log line of one request; docs/wire.md fixes the texts."""
    request_id, name = record.subject.id or "?", record.subject.action
    extra = {"request_id": request_id, "action": name}
    match record.outcome:
        case Answer(replayed=True):
            logger.info("idem-replay: %s %s", request_id, name, extra=extra)
        case Answer(code=None):
            logger.info("ok: %s %s", request_id, name, extra=extra)
        case Answer(code=code):
            logger.info("refused: %s %s code=%s", request_id, name, code, extra=extra)
        case Retry(number=number, reason=reason):
            logger.warning("retry #%d for %s because %s", number, request_id, reason, extra=extra)
        case DeadLetter(reason=reason):
            logger.error("dead-lettered: %s err=%s", request_id, reason, extra=extra)
        case PutBack(reason=reason):
            logger.info("put back: %s %s because %s", request_id, name, reason, extra=extra)
