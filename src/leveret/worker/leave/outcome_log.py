"""Reporting what is settled: one log line for each request, and a record for the observers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from leveret.api import WATCH
from leveret.observe import Observers, Settled, Subject
from leveret.observe.logs import MORE_FIELDS
from leveret.observe.outcome_words import outcome_word
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.wire.trace_context import trace_of

logger: Final = logging.getLogger("leveret.worker")


_QUIET: Final = f".{WATCH}"
"""What doors ask every second would fill the log with lines about nothing."""


def tell_settled(settled: Sequence[tuple[Subject, Outcome]], observers: Observers, worker: str = "") -> None:
    """Tell the log, and then the observers, what became of deliveries; both get the same records."""
    records = [Settled(subject, outcome=outcome) for subject, outcome in settled]
    for record in records:
        write_line(record, worker)
    if observers.active or observers.sampler:
        observers.settle(records)


def write_line(record: Settled, worker: str = "") -> None:
    """Write the log line of one request; docs/wire.md fixes the texts."""
    level, text, *values = _line(record)
    if logger.isEnabledFor(level):
        more = partial(fields_of, record, worker)
        logger.log(level, text, *values, extra={**_names(record.subject), MORE_FIELDS: more})


def fields_of(record: Settled, worker: str) -> Mapping[str, Any]:
    """Return the fields of a request's line: with the JSON form of the log they stand beside the text.

    Args:
        record: what became of the request.
        worker: the worker's name.
    """
    subject = record.subject
    outcome, code = outcome_word(record.outcome)
    fields = {
        **_names(subject),
        "attempt": subject.attempt,
        "duration": round(record.at - subject.arrived, 6),
        "outcome": outcome,
    }
    version, dot, _ = subject.action.partition(".")
    trace = trace_of(subject.delivery.properties.headers)
    others = {
        "version": version if dot else "",
        "principal": subject.principal,
        "code": code,
        "worker": worker,
        "trace_id": trace.trace_id if trace else "",
    }
    return fields | {name: value for name, value in others.items() if value}


def _names(subject: Subject) -> dict[str, str]:
    return {"request_id": subject.id or "?", "action": subject.action}


def _line(record: Settled) -> tuple[Any, ...]:
    """Return level, text and values of a request's line."""
    request_id, name = record.subject.id or "?", record.subject.action
    match record.outcome:
        case Answer(replayed=True):
            return logging.INFO, "idem-replay: %s %s", request_id, name
        case Answer(code=None):
            level = logging.DEBUG if name.endswith(_QUIET) else logging.INFO
            return level, "ok: %s %s", request_id, name
        case Answer(code=code):
            return logging.INFO, "refused: %s %s code=%s", request_id, name, code
        case Retry(number=number, reason=reason):
            return logging.WARNING, "retry #%d for %s because %s", number, request_id, reason
        case DeadLetter(reason=reason):
            return logging.ERROR, "dead-lettered: %s err=%s", request_id, reason
        case PutBack(reason=reason):
            return logging.INFO, "put back: %s %s because %s", request_id, name, reason
