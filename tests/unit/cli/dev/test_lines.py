"""The line that ``dev`` shows of each request."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest

from leveret.amqp import Delivery, Properties
from leveret.cli.dev.lines import RequestLines, clock, in_milliseconds
from leveret.cli.dev.paint import Paint
from leveret.cli.dev.tracebacks import Traces
from leveret.errors import NotFound
from leveret.observe import Begun, Ended, Settled, Subject
from leveret.outcome import Answer, DeadLetter, Outcome, PutBack, Retry
from leveret.wire.codec import refusal

NOON = time.mktime((2026, 1, 31, 12, 0, 0, 0, 0, -1))
ID = "6f1c9d200d5b4c7e9a4e0f6d1c2b3a49"
DELIVERY = Delivery(
    consumer_tag="", delivery_tag=1, redelivered=False, exchange="", routing_key="", properties=Properties(), body=b""
)


class Shown:
    """Lines, and the observer that writes them."""

    def __init__(self, paint: Paint | None = None) -> None:
        self.texts: list[str] = []
        look = paint or Paint()
        self.observer = RequestLines(self.texts.append, look, Traces([Path(__file__).parent], look), now=lambda: NOON)

    def settle(self, outcome: Outcome, *, principal: str = "7", action: str = "v1.sign", took: float = 0.0032) -> str:
        subject = Subject(ID, action, principal, DELIVERY, 100.0)
        self.observer(Settled(subject, at=100.0 + took, outcome=outcome))
        return self.texts[-1]

    def fail(self, error: BaseException) -> None:
        subject = Subject(ID, "v1.sign", "7", DELIVERY, 100.0)
        self.observer(Begun(subject))
        self.observer(Ended(subject, error=raised(error)))


def raised(error: BaseException) -> BaseException:
    """Return an error with a traceback in this file."""
    try:
        raise error  # noqa: TRY301 - that is its purpose
    except BaseException as caught:
        return caught


@pytest.fixture
def shown() -> Shown:
    return Shown()


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Answer(b"{}"), f"12:00:00 ok              v1.sign              {ID} 7         3.2 ms"),
        (Answer(b"{}", replayed=True), f"12:00:00 replayed        v1.sign              {ID} 7         3.2 ms"),
        (
            Answer(refusal(ID, NotFound("no such entry")), "not_found"),
            f"12:00:00 not_found       v1.sign              {ID} 7         3.2 ms no such entry",
        ),
        (Answer(b"not json", "conflict"), f"12:00:00 conflict        v1.sign              {ID} 7         3.2 ms"),
        (
            Retry(1, timedelta(seconds=5), "ValueError: bad"),
            f"12:00:00 retry 1 in 5s   v1.sign              {ID} 7         3.2 ms ValueError: bad",
        ),
        (
            DeadLetter("retries exhausted: bad"),
            f"12:00:00 DEAD LETTER     v1.sign              {ID} 7         3.2 ms retries exhausted: bad",
        ),
        (
            PutBack("the database is away"),
            f"12:00:00 put back        v1.sign              {ID} 7         3.2 ms the database is away",
        ),
    ],
)
def test_each_outcome_has_its_line(shown: Shown, outcome: Outcome, line: str) -> None:
    assert shown.settle(outcome) == line


def test_a_caller_without_a_token_and_a_message_without_an_id_show_a_dash(shown: Shown) -> None:
    assert " -         3.2 ms" in shown.settle(Answer(b"{}"), principal="")
    subject = Subject("", "-", "", DELIVERY, 100.0)
    shown.observer(Settled(subject, at=100.0, outcome=Answer(b"{}", "invalid_request")))
    assert re.fullmatch(r"12:00:00 invalid_request - +- - +0\.0 ms", shown.texts[-1])


def test_a_line_fits_into_80_columns_and_a_letter_keeps_its_id_because_it_is_redriven_by_it() -> None:
    narrow = Shown(Paint(narrow=True))
    line = narrow.settle(Answer(b"{}"))
    assert "6f1c9d20.. " in line
    assert ID not in line
    assert len(line) <= 80
    assert ID in narrow.settle(DeadLetter("bad"))


def test_what_callers_send_cannot_control_the_terminal(shown: Shown) -> None:
    line = shown.settle(Retry(1, timedelta(seconds=5), "\x1b[31mred\nline"), principal="\x1b]0;title")
    assert "\x1b" not in line
    assert "\n" not in line


def test_the_traceback_of_an_error_follows_its_retry_once(shown: Shown) -> None:
    retry = Retry(1, timedelta(seconds=5), "ValueError: bad")
    for _ in range(2):
        shown.fail(ValueError("bad"))
        shown.settle(retry)
    first, second = shown.texts
    assert "test_lines.py" in first
    assert first.splitlines()[-1].strip() == "ValueError: bad"
    assert len(second.splitlines()) == 1
    shown.fail(KeyError("other"))
    assert "KeyError: 'other'" in shown.settle(DeadLetter("retries exhausted"))


def test_a_refusal_has_no_traceback_nor_has_an_attempt_that_succeeds_after_a_batch_was_rolled_back(
    shown: Shown,
) -> None:
    shown.fail(NotFound("no such entry"))
    assert not shown.observer._errors, "nothing was written for nothing"
    assert len(shown.settle(Answer(b"{}", "not_found")).splitlines()) == 1
    shown.fail(ValueError("bad"))
    shown.observer(Ended(Subject(ID, "v1.sign", "7", DELIVERY, 100.0)))
    assert len(shown.settle(Retry(1, timedelta(seconds=5), "worker lost")).splitlines()) == 1


def test_errors_of_requests_that_never_settle_do_not_pile_up(shown: Shown) -> None:
    for number in range(1100):
        shown.observer(Ended(Subject(str(number), "v1.sign", "7", DELIVERY, 100.0), error=ValueError("bad")))
    assert len(shown.observer._errors) == 1000


def test_colours_tell_a_success_from_a_failure() -> None:
    coloured = Shown(Paint(coloured=True))
    assert "\x1b[32mok" in coloured.settle(Answer(b"{}"))
    assert "\x1b[33m\x1b[1mretry 1" in coloured.settle(Retry(1, timedelta(seconds=5), "bad"))
    assert "\x1b[31m\x1b[1mDEAD LETTER" in coloured.settle(DeadLetter("bad"))


@pytest.mark.parametrize(
    ("number", "text"), [(0.04, "0.0 ms"), (99.94, "99.9 ms"), (123.4, "123 ms"), (9999, "9999 ms"), (12_345, "12.3 s")]
)
def test_durations_have_as_many_digits_as_are_of_interest(number: float, text: str) -> None:
    assert in_milliseconds(number) == text


def test_the_time_is_that_of_the_wall_clock() -> None:
    assert clock(NOON + 61) == "12:01:01"
