"""What is told of a delivery that is settled: the texts of the log's lines, and a record for the observers."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from leveret.observe import Observers, Record, Settled, Subject
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.worker.leave.outcome_log import tell_settled
from support.handmade_deliveries import delivery_of

SUBJECT = Subject("a-1", "v1.create_task", "7", delivery_of({"id": "a-1"}), 0.0)
TEXTS: list[tuple[Outcome, int, str]] = [
    (Answer(b""), logging.INFO, "ok: a-1 v1.create_task"),
    (Answer(b"", replayed=True), logging.INFO, "idem-replay: a-1 v1.create_task"),
    (Answer(b"", "conflict"), logging.INFO, "refused: a-1 v1.create_task code=conflict"),
    (Answer(b"", "conflict", replayed=True), logging.INFO, "idem-replay: a-1 v1.create_task"),
    (Retry(2, timedelta(seconds=5), "busy"), logging.WARNING, "retry #2 for a-1 because busy"),
    (DeadLetter("given up"), logging.ERROR, "dead-lettered: a-1 err=given up"),
    (PutBack("away"), logging.INFO, "put back: a-1 v1.create_task because away"),
]


@pytest.mark.parametrize(("outcome", "level", "text"), TEXTS, ids=lambda given: given if isinstance(given, str) else "")
def test_each_outcome_has_a_line_of_its_own(
    outcome: Outcome, level: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leveret.worker")
    tell_settled(SUBJECT, outcome, Observers())
    (record,) = caplog.records
    assert (record.levelno, record.message) == (level, text)
    assert (record.__dict__["request_id"], record.__dict__["action"]) == ("a-1", "v1.create_task")


def test_a_request_of_which_nothing_is_known_is_a_question_mark(caplog: pytest.LogCaptureFixture) -> None:
    tell_settled(Subject("", "-", "", delivery_of({"id": "a-1"}), 0.0), DeadLetter("not JSON"), Observers())
    assert caplog.messages == ["dead-lettered: ? err=not JSON"]


def test_observers_are_told_whatever_the_log_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "leveret.worker")
    told: list[Record] = []
    for outcome, _, _ in TEXTS:
        tell_settled(SUBJECT, outcome, Observers([told.append]))
    assert [(record.subject, record.outcome) for record in told if isinstance(record, Settled)] == [
        (SUBJECT, outcome) for outcome, _, _ in TEXTS
    ]
    assert not caplog.records
