"""The line that the log has of each request that has come to its end."""

from __future__ import annotations

import logging
from typing import Final

from leveret.observe import Settled
from leveret.outcome import Answer, DeadLetter, PutBack, Retry

logger: Final = logging.getLogger("leveret.worker")


def log_settled(record: Settled) -> None:
    """Write the line of one request; the texts are those of the wire's page."""
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
