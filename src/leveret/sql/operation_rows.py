"""Reads and writes operations and their letters, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from leveret.sql.operation_tables import leveret_operation_letters, leveret_operations

_OPERATION = leveret_operations.c
_LETTER = leveret_operation_letters.c


class Operation(Struct, frozen=True, kw_only=True):
    """Something that an operator does to letters.

    Attributes:
        id: names it.
        kind: ``redrive``, ``discard`` and so on.
        filter_json: which letters were asked for, as JSON.
        options_json: how it is done, as JSON.
        by_whom: who began it.
        why: the reason; may be empty.
        incident: the name of the incident; may be empty.
        created_at: when it began.
        state: ``running``, ``paused``, ``stopped``, ``failed`` or ``done``.
        ended_why: why it is paused, stopped or failed.
        owner: who runs it now, or ran it last.
        lease_until: until when nobody else may run it without taking it over.
    """

    id: str
    kind: str
    filter_json: str
    options_json: str
    by_whom: str
    why: str
    incident: str
    created_at: datetime
    state: str
    ended_why: str
    owner: str
    lease_until: datetime


class OperationLetter(Struct, frozen=True):
    """One letter of an operation.

    Attributes:
        letter: the letter's key.
        request: the id of its request; empty where it has none.
        state: ``wanted``, ``sending``, ``sent``, ``succeeded``, ``failed``, ``refused`` or ``missing``; ``done`` where
            sending is not what was asked for. ``sending`` is written before a letter is sent, so of the letters of a
            process that died only those may have been sent.
        why: what is known beside that.
        at: since when; of a letter that is sent, or whose outcome is known, the moment before it was sent.
    """

    letter: str
    request: str
    state: str
    why: str
    at: datetime


def add_operation(connection: sa.Connection, operation: Operation, letters: Sequence[OperationLetter]) -> None:
    """Write an operation with all its letters, in the order in which they are to be done."""
    connection.execute(leveret_operations.insert().values(_columns(operation)))
    rows = [
        {"operation": operation.id, "position": position, **_columns(letter)} for position, letter in enumerate(letters)
    ]
    if rows:
        connection.execute(leveret_operation_letters.insert(), rows)


def find_operations(connection: sa.Connection, beginning: str = "", most: int = 2) -> list[Operation]:
    """Return operations, the newest first.

    Args:
        connection: the database.
        beginning: of the id; empty for all.
        most: how many at most.
    """
    wanted = sa.select(leveret_operations).where(_OPERATION.id.startswith(beginning, autoescape=True))
    found = connection.execute(wanted.order_by(_OPERATION.created_at.desc(), _OPERATION.id).limit(most))
    return [Operation(**row._mapping) for row in found]


def claim_operation(
    connection: sa.Connection, operation: str, owner: str, *, until: datetime, now: datetime, take_over: bool
) -> bool:
    """Make somebody the owner of an operation that is not done; return whether it worked.

    It does not while another owner's lease lasts, unless ``take_over``.
    """
    free = sa.or_(_OPERATION.owner == owner, _OPERATION.lease_until <= now, sa.literal(take_over))
    changed = leveret_operations.update().where(_OPERATION.id == operation, _OPERATION.state != "done", free)
    values = {"owner": owner, "lease_until": until, "state": "running", "ended_why": ""}
    return connection.execute(changed.values(values)).rowcount == 1


def renew_operation(connection: sa.Connection, operation: str, owner: str, until: datetime) -> bool:
    """Prolong a lease; return whether the operation still runs and is still the owner's."""
    mine = sa.and_(_OPERATION.id == operation, _OPERATION.owner == owner, _OPERATION.state == "running")
    return connection.execute(leveret_operations.update().where(mine).values(lease_until=until)).rowcount == 1


def owns_operation(connection: sa.Connection, operation: str, owner: str) -> bool:
    """Return whether somebody is the one who runs an operation, or ran it last."""
    mine = sa.select(sa.literal(1)).where(_OPERATION.id == operation, _OPERATION.owner == owner)
    return connection.execute(mine).first() is not None


def end_operation(
    connection: sa.Connection, operation: str, state: str, why: str, *, now: datetime, owner: str | None = None
) -> bool:
    """Write that a running operation does not run any more; return whether it ran.

    Args:
        connection: the database.
        operation: its id.
        state: the new state.
        why: why.
        now: the lease ends.
        owner: only if it is still this one's; None whoever runs it.
    """
    running = [_OPERATION.id == operation, _OPERATION.state == "running"]
    if owner is not None:
        running.append(_OPERATION.owner == owner)
    values = {"state": state, "ended_why": why, "lease_until": now}
    return connection.execute(leveret_operations.update().where(*running).values(values)).rowcount == 1


def operation_letters(
    connection: sa.Connection, operation: str, states: Collection[str] = (), most: int | None = None
) -> list[OperationLetter]:
    """Return letters of an operation, in its order.

    Args:
        connection: the database.
        operation: its id.
        states: those that are wanted; empty for all.
        most: how many at most.
    """
    fields = [_LETTER[name] for name in OperationLetter.__struct_fields__]
    wanted = sa.select(*fields).where(_LETTER.operation == operation)
    if states:
        wanted = wanted.where(_LETTER.state.in_(list(states)))
    return [OperationLetter(*row) for row in connection.execute(wanted.order_by(_LETTER.position).limit(most))]


def settle_letters(connection: sa.Connection, operation: str, letters: Sequence[OperationLetter]) -> None:
    """Write what became of letters."""
    if not letters:
        return
    same = sa.and_(_LETTER.operation == operation, _LETTER.letter == sa.bindparam("key"))
    fields = ("state", "why", "at")
    changed = (
        leveret_operation_letters.update().where(same).values({name: sa.bindparam(f"new_{name}") for name in fields})
    )
    rows = [{"key": each.letter, **{f"new_{name}": getattr(each, name) for name in fields}} for each in letters]
    connection.execute(changed, rows)


def count_letters(connection: sa.Connection, operation: str) -> Mapping[str, int]:
    """Return how many letters of an operation are in each state."""
    wanted = sa.select(_LETTER.state, sa.func.count()).where(_LETTER.operation == operation).group_by(_LETTER.state)
    return {row[0]: row[1] for row in connection.execute(wanted)}


def sent_since(connection: sa.Connection, operation: str, moment: datetime) -> tuple[int, datetime | None]:
    """Return how many letters of an operation were sent since a moment, and the moment before the first of them."""
    wanted = sa.select(sa.func.count(), sa.func.min(_LETTER.at)).where(
        _LETTER.operation == operation, _LETTER.state.in_(("sent", "succeeded", "failed")), _LETTER.at >= moment
    )
    count, first = connection.execute(wanted).one()
    return count, first


def _columns(record: Struct) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}
