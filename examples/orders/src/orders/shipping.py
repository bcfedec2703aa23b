"""Shipping an order: an action that calls an outside service before it writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from leveret import Actions, Context, RetryPolicy
from leveret.errors import Conflict, NotFound
from orders import tables
from orders.carrier import Carrier, NotDelivered
from orders.stock import Order, find

actions: Final = Actions("v1")

PATIENT: Final = RetryPolicy((timedelta(seconds=1), timedelta(minutes=1)), most=5)
"""The carrier may be away for some minutes."""


@actions.action(
    "ship_order", writes=True, public=True, retry=PATIENT, timeout=timedelta(seconds=20), errors=(Conflict, NotFound)
)
async def ship_order(context: Context, number: int, carrier: Carrier) -> Order:
    """Get a label from the carrier, and keep its tracking number.

    The key is the order's, so the carrier makes one label however often an attempt is repeated, and also if two
    requests ship the same order. A label that nobody uses costs nothing.
    """
    try:
        tracking = await carrier.label(number, key=f"order-{number}")
    except NotDelivered as error:
        raise Conflict(str(error)) from error
    return await context.transaction(keep, number, tracking)


def keep(connection: sa.Connection, number: int, tracking: str) -> Order:
    """Write the tracking number down; what this returns is the response, stored in the same transaction.

    Raises:
        NotFound: there is no such order.
    """
    of_order = tables.orders.c.number == number
    connection.execute(tables.orders.update().where(of_order).values(tracking=tracking))
    return find(connection, number)
