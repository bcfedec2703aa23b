"""The tables that warren needs; an application's migrations make them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

metadata: Final = sa.MetaData()
"""The tables that warren needs; an application's migrations make them."""

processed_requests: Final = sa.Table(
    "processed_requests",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(16), nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("response_json", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sqlite_with_rowid=False,
)
"""One row for each request whose response is kept (the key is a caller's, so it holds the caller)."""

crash_journal: Final = sa.Table(
    "crash_journal",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("id", sa.String(128), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each redelivered request that is running now, or whose worker died while it ran."""

rate_windows: Final = sa.Table(
    "rate_windows",
    metadata,
    sa.Column("principal", sa.String(64), primary_key=True),
    sa.Column("ends_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each principal whose requests are counted: when its window ends, and how many have been leased in it."""
