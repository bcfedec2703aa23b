"""Statements that find and store responses, and that lease shares of a rate limit; each is prepared once."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from leveret.sql.bulk import BulkInsert
from leveret.sql.prepared import Prepared
from leveret.sql.records import Row
from leveret.sql.tables import processed_requests

# One text for any number of keys, so that it is prepared once and found by the primary key.
FIND: Final = Prepared(
    {
        "sqlite": sa.text(
            "SELECT p.principal, p.id, p.fingerprint, p.response_json FROM json_each(:keys) AS k"
            " CROSS JOIN processed_requests AS p"
            " ON p.principal = json_extract(k.value, '$[0]') AND p.id = json_extract(k.value, '$[1]')"
        ),
        "postgresql": sa.text(
            "SELECT p.principal, p.id, p.fingerprint, p.response_json"
            " FROM unnest(CAST(:principals AS text[]), CAST(:ids AS text[])) AS k (principal, id)"
            " JOIN processed_requests AS p ON p.principal = k.principal AND p.id = k.id"
        ),
    }
)
"""Stored responses by their keys: ``keys``, a JSON array of pairs, on SQLite, and two arrays on PostgreSQL."""

FIND_ONE: Final = Prepared(
    sa.text(
        "SELECT principal, id, fingerprint, response_json FROM processed_requests"
        " WHERE principal = :principal AND id = :id"
    )
)
"""The same for one key, for a batch of one request."""

NOW: Final = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'",
    "postgresql": "statement_timestamp()",
}
"""The time by the database's clock, which all workers share, as ``UtcDateTime`` stores it."""

SAVE: Final = BulkInsert(
    processed_requests,
    *(name for name in processed_requests.c.keys() if name != "created_at"),  # noqa: SIM118 -- keys() of a collection of columns
    made={"created_at": NOW},
)
"""Store responses; see ``values``. One clock says how old they are, whichever worker stored them."""

_NOW_MS: Final = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000 AS BIGINT)",
    "postgresql": "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)",
}
"""The time by the database's clock, which all workers share: POSIX time in milliseconds."""

# What an UPDATE sets is made of the row as it was before.
LEASE: Final = Prepared(
    {
        dialect: sa.text(
            "INSERT INTO rate_windows (principal, ends_ms, taken)"  # noqa: S608 -- the only thing put in is a constant above
            f" VALUES (:principal, {now} + CAST(:length AS BIGINT), CAST(:share AS BIGINT))"
            " ON CONFLICT (principal) DO UPDATE SET"
            f" taken = CASE WHEN rate_windows.ends_ms <= {now} THEN 0 ELSE rate_windows.taken END + excluded.taken,"
            f" ends_ms = CASE WHEN rate_windows.ends_ms <= {now} THEN excluded.ends_ms ELSE rate_windows.ends_ms END"
            f" RETURNING ends_ms, taken, ends_ms - {now}"
        )
        for dialect, now in _NOW_MS.items()
    }
)
"""Lease a share of a principal's window; returns when it ends, what is leased in it, and milliseconds to its end."""


def values(row: Row) -> dict[str, Any]:
    """Return a row's values by the names of its columns, without those that the database makes."""
    return {
        "principal": row.key.principal,
        "id": row.key.id,
        "fingerprint": row.fingerprint,
        "version": row.version,
        "action": row.action,
        "response_json": row.response.decode(),
    }
