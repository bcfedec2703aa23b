"""Invitations: an effect outside the database, and one in it."""

from typing import Annotated

import sqlalchemy as sa
from leveret import Actions, Context
from leveret.errors import Conflict
from msgspec import Meta, Struct

from project_name.tables import invitations
from project_name.webhook import Webhook

actions = Actions("v1")

Email = Annotated[str, Meta(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")]


class Invitation(Struct):
    """An invitation that was sent."""

    number: int
    email: str


@actions.action("invite", writes=True, public=True, errors=(Conflict,))
async def invite(context: Context, email: Email, webhook: Webhook) -> Invitation:
    """Send somebody an invitation, and keep it.

    The effect outside comes first, and the transaction last. If the worker dies between the two,
    the request is delivered again. The key is the same then, so the service does not send twice.
    """
    key = f"{context.principal.subject}:{context.request.id}"  # two callers may choose the same id
    await webhook.post({"invite": email}, key=key)
    return await context.transaction(keep, email)


def keep(connection: sa.Connection, email: str) -> Invitation:
    """Keep an invitation, and return the response, which is stored in the same transaction."""
    added = invitations.insert().values(email=email).returning(invitations.c.number)
    return Invitation(connection.execute(added).scalar_one(), email)
