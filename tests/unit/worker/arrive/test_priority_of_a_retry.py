"""A retry goes on with the priority that an earlier version accepted; from callers such a priority is refused."""

from typing import Any

from msgspec.structs import replace

from leveret.amqp import Delivery
from leveret.wire.envelope import HIGHEST_PRIORITY
from leveret.worker.arrive.intake import Intake
from leveret.worker.work import DeclinedDelivery, Work
from support.handmade_deliveries import delivery_of, retried_delivery
from support.serving import keyring
from taskmanager.actions import app

"""Nothing is executed here."""

REQUEST = {"id": "a", "version": "v1", "action": "health_check", "data": {}}


def taken(delivery: Delivery, priority: int) -> Any:
    properties = replace(delivery.properties, priority=priority)
    return Intake(app, keyring()).take(replace(delivery, properties=properties))


def test_a_retry_goes_on_whatever_its_priority() -> None:
    assert isinstance(taken(retried_delivery([]), HIGHEST_PRIORITY + 5), Work)


def test_a_first_attempt_with_that_priority_is_refused() -> None:
    assert isinstance(taken(delivery_of(REQUEST), HIGHEST_PRIORITY), Work)
    assert isinstance(taken(delivery_of(REQUEST), HIGHEST_PRIORITY + 5), DeclinedDelivery)
