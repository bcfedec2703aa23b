"""What stands in a message's header never makes its letter one that cannot be written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from leveret.amqp import Delivery, FieldTable, size_of
from leveret.amqp.rabbitmq import DEATHS
from leveret.outcome import DeadLetter
from leveret.topology import Topology
from leveret.worker.arrive.intake import Intake
from leveret.worker.leave.outcome_messages import OutcomeMessages
from leveret.worker.work import DeclinedDelivery, Work
from support.handmade_deliveries import retried_delivery
from support.serving import keyring
from taskmanager.actions import app

"""Nothing is executed here."""

DEATH: FieldTable = {"queue": "api.requests.retry", "reason": "expired", "count": 1, "routing-keys": ["api.requests"]}


def letter_headers(delivery: Delivery) -> FieldTable:
    work = Intake(app, keyring()).take(delivery)
    assert isinstance(work, Work)
    (letter,) = OutcomeMessages(Topology("api", (timedelta(seconds=5),)), keyring()).of(work, DeadLetter("why"))
    headers = letter.properties.headers or {}
    assert size_of(headers) < 100_000
    return headers


def test_a_letter_repeats_what_the_broker_says_of_its_requests_way() -> None:
    assert letter_headers(retried_delivery([DEATH]))[DEATHS] == [DEATH]


HOSTILE: dict[str, Callable[[], Any]] = {
    "larger than any broker's": lambda: [{**DEATH, "routing-keys": ["k" * 200] * 500}],
    "a number that cannot be written": lambda: [{**DEATH, "count": 2**64 - 1}],
    "a moment without a zone": lambda: [{**DEATH, "time": datetime(2026, 1, 1)}],  # noqa: DTZ001 -- that is the case
}


@pytest.mark.parametrize("deaths", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_letter_leaves_out_what_cannot_be_written(deaths: Callable[[], Any]) -> None:
    assert DEATHS not in letter_headers(retried_delivery(deaths()))


def test_a_message_whose_properties_cannot_be_read_becomes_a_letter_that_says_so() -> None:
    item = Intake(app, keyring()).take(replace(retried_delivery([]), unreadable="its header has too many bytes"))
    assert isinstance(item, DeclinedDelivery)
    assert item.outcome == DeadLetter("invalid_request: its header has too many bytes", code="invalid_request")
