"""Stock and orders: actions that only need the database."""

from __future__ import annotations

from typing import Annotated, Final

import sqlalchemy as sa
from msgspec import Meta, Struct

from leveret import Actions, Context
from leveret.errors import Conflict, NotFound
from orders import tables

actions: Final = Actions("v1")

Product = Annotated[str, Meta(min_length=1, max_length=50)]
Amount = Annotated[int, Meta(ge=1, le=1000)]


class Order(Struct, frozen=True):
    """An order; ``tracking`` is null until it is shipped."""

    number: int
    product: str
    amount: int
    tracking: str | None = None


@actions.action("add_stock", writes=True, public=True)
def add_stock(context: Context, product: Product, amount: Amount) -> int:
    """Put more of a product into the store, and return how many are there now."""
    there = sa.update(tables.stock).where(tables.stock.c.product == product)
    more = there.values(amount=tables.stock.c.amount + amount).returning(tables.stock.c.amount)
    if (now := context.connection.execute(more).scalar_one_or_none()) is None:
        context.connection.execute(tables.stock.insert().values(product=product, amount=amount))
        return amount
    return int(now)


@actions.action("stock", public=True)
def stock(context: Context, product: Product) -> int:
    """Return how many of a product are left."""
    wanted = sa.select(tables.stock.c.amount).where(tables.stock.c.product == product)
    return context.connection.execute(wanted).scalar_one_or_none() or 0


@actions.action("place_order", writes=True, public=True, errors=(Conflict,))
def place_order(context: Context, product: Product, amount: Amount = 1) -> Order:
    """Take a product out of the store and keep the order: both, or neither."""
    left = sa.and_(tables.stock.c.product == product, tables.stock.c.amount >= amount)
    taken = context.connection.execute(
        tables.stock.update().where(left).values(amount=tables.stock.c.amount - amount)
    ).rowcount
    if not taken:
        raise Conflict(f"There are not {amount} of {product} left")
    added = tables.orders.insert().values(product=product, amount=amount).returning(tables.orders.c.number)
    return Order(context.connection.execute(added).scalar_one(), product, amount)


@actions.action("order", public=True, errors=(NotFound,))
def order(context: Context, number: int) -> Order:
    """Return an order."""
    return find(context.connection, number)


def find(connection: sa.Connection, number: int) -> Order:
    """Return an order.

    Raises:
        NotFound: there is none with this number.
    """
    row = connection.execute(sa.select(tables.orders).where(tables.orders.c.number == number)).one_or_none()
    if row is None:
        raise NotFound(f"There is no order {number}")
    return Order(*row)
