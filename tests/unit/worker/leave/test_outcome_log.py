"""What is told of a delivery that is settled: the texts of the log's lines, and a record for the observers."""

from __future__ import annotations

import io
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.observe import Observers, Record, Settled, Subject
from leveret.observe.logs import JsonFormatter, LineHandler
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.worker.leave.outcome_log import fields_of, tell_settled
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
    tell_settled([(SUBJECT, outcome)], Observers())
    (record,) = caplog.records
    assert (record.levelno, record.message) == (level, text)
    assert (record.__dict__["request_id"], record.__dict__["action"]) == ("a-1", "v1.create_task")


def test_what_doors_ask_every_second_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "leveret.worker")
    watch = replace(SUBJECT, action="v1.watch_events")
    tell_settled([(watch, Answer(b"")), (watch, Retry(2, timedelta(seconds=5), "busy"))], Observers())
    assert [record.levelno for record in caplog.records] == [logging.DEBUG, logging.WARNING]


def test_a_request_of_which_nothing_is_known_is_a_question_mark(caplog: pytest.LogCaptureFixture) -> None:
    tell_settled([(Subject("", "-", "", delivery_of({"id": "a-1"}), 0.0), DeadLetter("not JSON"))], Observers())
    assert caplog.messages == ["dead-lettered: ? err=not JSON"]


def test_observers_are_told_whatever_the_log_leaves_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "leveret.worker")
    told: list[Record] = []
    for outcome, _, _ in TEXTS:
        tell_settled([(SUBJECT, outcome)], Observers([told.append]))
    assert [(record.subject, record.outcome) for record in told if isinstance(record, Settled)] == [
        (SUBJECT, outcome) for outcome, _, _ in TEXTS
    ]
    assert not caplog.records


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def traced(traceparent: str) -> Delivery:
    """Return a delivery with the header of a trace."""
    delivery = delivery_of({"id": "a-1"})
    return replace(delivery, properties=replace(delivery.properties, headers={"traceparent": traceparent}))


@pytest.mark.parametrize(
    ("subject", "outcome", "fields"),
    [
        (SUBJECT, Answer(b""), {"version": "v1", "principal": "7", "attempt": 1, "outcome": "ok"}),
        (SUBJECT, Answer(b"", "conflict"), {"outcome": "refused", "code": "conflict", "principal": "7"}),
        (SUBJECT, Answer(b"", replayed=True), {"outcome": "replayed"}),
        (SUBJECT, PutBack("away"), {"outcome": "put_back"}),
        (
            Subject("a-1", "v1.sign", "", delivery_of({"id": "a-1"}), 0.0, 3),
            Retry(3, timedelta(seconds=5), "busy"),
            {"attempt": 3, "outcome": "retry", "principal": None, "code": None},
        ),
        (
            Subject("", "-", "", delivery_of({"id": "a-1"}), 0.0),
            DeadLetter("not JSON", code="invalid_request"),
            {"request_id": "?", "action": "-", "version": None, "outcome": "letter", "code": "invalid_request"},
        ),
        (
            Subject("a-1", "v1.sign", "", traced(f"00-{TRACE}-00f067aa0ba902b7-01"), 0.0),
            Answer(b""),
            {"trace_id": TRACE},
        ),
        (Subject("a-1", "v1.sign", "", traced("'; DROP"), 0.0), Answer(b""), {"trace_id": None}),
    ],
)
def test_a_line_in_json_has_fields_for_machines(subject: Subject, outcome: Outcome, fields: dict[str, Any]) -> None:
    found = fields_of(Settled(subject, 1.5, outcome=outcome), "worker 1")
    assert {name: found.get(name) for name in fields} == fields
    assert (found["duration"], found["worker"]) == (1.5, "worker 1")


def test_the_fields_stand_in_the_line_of_json() -> None:
    stream = io.StringIO()
    handler = LineHandler(stream, lambda: JsonFormatter("worker"))
    logger = logging.getLogger("leveret.worker")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        tell_settled([(SUBJECT, Answer(b"", "conflict"))], Observers(), "worker 1")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()
    line = json.loads(stream.getvalue())
    assert line["message"] == "refused: a-1 v1.create_task code=conflict"
    names = ("request_id", "principal", "action", "version", "attempt", "outcome", "code", "worker")
    assert [line[name] for name in names] == ["a-1", "7", "v1.create_task", "v1", 1, "refused", "conflict", "worker 1"]
    assert line["duration"] > 0
