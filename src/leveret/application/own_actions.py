"""The actions that every application has, unless it has its own of that name."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from leveret.api import Context
from leveret.sql.request_rows import response_to


class Health(Struct, frozen=True):
    """Output of health_check: the worker runs."""

    status: str = "ok"


class StoredAnswer(Struct, frozen=True):
    """Output of stored_response.

    Attributes:
        request_id: the id that was asked for.
        state: ``done`` if the response is stored; ``open`` if none is: the request waits, runs, will be retried, is a
            dead letter, was forgotten, or never came. The database cannot tell these apart.
        version: version of the action that answered.
        action: its name.
        response: the response as it was sent; None while it is open.
    """

    request_id: str
    state: Literal["done", "open"]
    version: str | None = None
    action: str | None = None
    response: Any = None


async def health_check(context: Context) -> Health:  # noqa: ARG001 - every action takes it
    """Report that a worker runs; the database is not used."""
    return Health()


def stored_response(context: Context, request_id: str) -> StoredAnswer:
    """Return the stored response to an earlier request of this caller; the request is not executed again.

    It is for requests that were sent without waiting. Only actions that write have stored responses.
    """
    found = response_to(context.connection, context.principal.subject, request_id)
    if found is None:
        return StoredAnswer(request_id, "open")
    return StoredAnswer(request_id, "done", found.version, found.action, msgspec.json.decode(found.response))
