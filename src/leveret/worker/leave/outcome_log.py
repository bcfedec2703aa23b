"""The line that the log has of each request that has come to its end."""

from __future__ import annotations

import logging
from typing import Final

from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.worker.leave.outcome_messages import id_of
from leveret.worker.work import Declined, Work

logger: Final = logging.getLogger("leveret.worker")


def log_outcome(item: Work | Declined, outcome: Outcome) -> None:
    """Write the line of one request; the texts are those of the wire's page."""
    name = item.request.name if isinstance(item, Work) else item.name
    request_id = id_of(item) or "?"
    extra = {"request_id": request_id, "action": name}
    match outcome:
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
