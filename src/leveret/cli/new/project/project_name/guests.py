"""The guest book: a write and a read."""

from typing import Annotated

import sqlalchemy as sa
from leveret import Actions, Context
from msgspec import Meta, Struct

from project_name.tables import guests

actions = Actions("v1")

Name = Annotated[str, Meta(min_length=1, max_length=80)]
Most = Annotated[int, Meta(ge=1, le=100)]


class Guest(Struct):
    """Who stands in the book."""

    number: int
    name: str


# writes=True: the row and the response are stored in one transaction, so a request that comes
# again has no second effect. public=True: callers need no token; without it, each request has one,
# and context.principal.subject is the caller.
@actions.action("sign", writes=True, public=True)
def sign(context: Context, name: Name) -> Guest:
    """Write a guest into the book."""
    added = guests.insert().values(name=name).returning(guests.c.number)
    return Guest(context.connection.execute(added).scalar_one(), name)


@actions.action("guests", public=True)
def list_guests(context: Context, most: Most = 20) -> list[Guest]:
    """List those who signed last."""
    latest = sa.select(guests).order_by(guests.c.number.desc()).limit(most)
    return [Guest(row.number, row.name) for row in context.connection.execute(latest)]
