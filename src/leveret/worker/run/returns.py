"""How often the broker has delivered a message again; it counts where no crash journal outlives the worker.

A quorum queue counts in the header ``x-delivery-count`` how often a message came back to it (RabbitMQ, "Quorum
Queues").
"""

from __future__ import annotations

from typing import Final

from leveret.amqp import Delivery
from leveret.inbox.journal import MOST_DEATHS

MOST_RETURNS: Final = 20
"""How often a message may come back: RabbitMQ 4's own limit for a queue without ``x-delivery-limit`` ("Quorum Queues",
section "Poison Message Handling")."""

_SUSPECT: Final = 2
"""From this return on a request runs alone, so that its neighbours end before the one that kills workers."""


def returns(delivery: Delivery) -> int:
    """Return how often a delivery came back before; 0 if the broker does not tell."""
    found = (delivery.properties.headers or {}).get("x-delivery-count") if delivery.redelivered else None
    return found if isinstance(found, int) else 0


def deaths_running(delivery: Delivery) -> int:
    """Return how many deaths the returns of a request stand for."""
    found = returns(delivery)
    return MOST_DEATHS if found >= MOST_RETURNS else int(found >= _SUSPECT)


def deaths_reading(delivery: Delivery) -> int:
    """Return how many deaths the returns of a message stand for that is not read yet.

    There is one return more: a request that could be read each time is given up as a request.
    """
    return MOST_DEATHS if returns(delivery) > MOST_RETURNS else 0
