"""What the tables tell of one request id, whoever asked with it: reads only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from leveret.sql.tables import crash_journal, processed_requests


class AnsweredRequest(Struct, frozen=True):
    """A request whose response is stored.

    Attributes:
        principal: the subject of who asked; empty for an anonymous caller.
        version: the action's version.
        action: the action's name.
        response: the reply as JSON.
        at: when it was stored, by the database's clock.
    """

    principal: str
    version: str
    action: str
    response: str
    at: datetime


class RecordedAttempt(Struct, frozen=True):
    """A redelivered request that is on record in the crash journal.

    Attributes:
        principal: the subject of who asked.
        attempts: how many attempts are on record; all but the last, and the last one if it does not run any more, were
            ended by the death of a worker.
        at: when the last one began, by the database's clock.
    """

    principal: str
    attempts: int
    at: datetime


def answered_requests(connection: sa.Connection, request_id: str) -> list[AnsweredRequest]:
    """Return the stored responses of an id, of all principals; the rows are found by their id alone, so all are read.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer, or refuses.
    """
    table = processed_requests.c
    wanted = sa.select(table.principal, table.version, table.action, table.response_json, table.created_at)
    found = connection.execute(wanted.where(table.id == request_id).order_by(table.principal))
    return [AnsweredRequest(*row) for row in found]


def response_to(connection: sa.Connection, principal: str, request_id: str) -> AnsweredRequest | None:
    """Return the stored response to a principal's request; None if none is stored.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer, or refuses.
    """
    table = processed_requests.c
    wanted = sa.select(table.principal, table.version, table.action, table.response_json, table.created_at)
    found = connection.execute(wanted.where(table.principal == principal, table.id == request_id)).first()
    return AnsweredRequest(*found) if found else None


def responses_to(connection: sa.Connection, ids: Collection[str]) -> list[tuple[str, str, str]]:
    """Return id, principal and stored response of these ids, of all principals; all rows are read.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer, or refuses.
    """
    table = processed_requests.c
    found = connection.execute(sa.select(table.id, table.principal, table.response_json).where(table.id.in_(list(ids))))
    return [(row[0], row[1], row[2]) for row in found]


def recorded_attempts(connection: sa.Connection, request_id: str) -> list[RecordedAttempt]:
    """Return what the crash journal holds of an id, of all principals.

    Raises:
        sqlalchemy.exc.DBAPIError: the database does not answer, or refuses.
    """
    table = crash_journal.c
    wanted = sa.select(table.principal, table.attempts, table.last_at)
    found = connection.execute(wanted.where(table.id == request_id).order_by(table.principal))
    return [RecordedAttempt(*row) for row in found]
