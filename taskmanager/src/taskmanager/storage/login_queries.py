"""Queries about failed logins."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Final

import sqlalchemy as sa

from leveret.sql.tables import UtcDateTime
from leveret.sql.upserts import insert_into
from taskmanager.storage.tables import login_failures

_FAILURES: Final = login_failures.c
_MINE: Final = _FAILURES.account == sa.bindparam("whose")
_LOCK: Final = login_failures.update().where(_MINE).values(locked_until=sa.bindparam("until", type_=UtcDateTime))
_LOCKED_UNTIL: Final = sa.select(_FAILURES.locked_until).where(_MINE)
_CLEAR: Final = login_failures.delete().where(_MINE)


@cache
def _count(dialect: str) -> sa.Executable:
    now = sa.bindparam("now", type_=UtcDateTime)
    insert = insert_into(login_failures, dialect)
    values = insert.values(account=sa.bindparam("whose"), failures=1, last_at=now, locked_until=now)
    return values.on_conflict_do_update(
        index_elements=["account"],
        set_={"failures": _FAILURES.failures + 1, "last_at": values.excluded.last_at},
        where=_FAILURES.locked_until <= values.excluded.last_at,
    ).returning(_FAILURES.failures)


def count_failure(connection: sa.Connection, account: bytes, now: datetime) -> int | None:
    """Count one more failed login, and return how many there are in a row.

    While the account is locked, nothing is counted and None is returned. Other transactions that count the same account
    wait until this one ends.
    """
    failures: int | None = connection.execute(
        _count(connection.dialect.name), {"whose": account, "now": now}
    ).scalar_one_or_none()
    return failures


def lock(connection: sa.Connection, account: bytes, until: datetime) -> None:
    """Lock an account that has failed logins."""
    connection.execute(_LOCK, {"whose": account, "until": until})


def locked_until(connection: sa.Connection, account: bytes) -> datetime | None:
    """Return until when an account is, or was, locked; None if it has no failed logins."""
    return connection.execute(_LOCKED_UNTIL, {"whose": account}).scalar_one_or_none()


def clear_failures(connection: sa.Connection, account: bytes) -> None:
    """Remove an account's failed logins."""
    connection.execute(_CLEAR, {"whose": account})


def forget_failures(connection: sa.Connection, few: int, few_before: datetime, before: datetime, most: int) -> int:
    """Remove up to ``most`` rows whose last failure is old; return how many were removed.

    Args:
        connection: connection in a transaction.
        few: number of failures below which accounts are forgotten earlier.
        few_before: accounts with fewer failures are removed if their last failure was before this time.
        before: all other accounts are removed if their last failure was before this time.
        most: how many rows to remove at most.
    """
    old = sa.or_(_FAILURES.last_at < before, sa.and_(_FAILURES.last_at < few_before, _FAILURES.failures < few))
    accounts = sa.select(_FAILURES.account).where(old, _FAILURES.last_at < few_before).limit(most)
    return connection.execute(login_failures.delete().where(_FAILURES.account.in_(accounts), old)).rowcount
