"""The tables of the console: its users, its sessions, and failed sign-ins."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

metadata: Final = sa.MetaData()
"""They are made where they are missing, in a database of the console's own."""

users: Final = sa.Table(
    "console_users",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("made_at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each account of the console's own."""

sessions: Final = sa.Table(
    "console_sessions",
    metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("own", sa.Boolean, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("ends_at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each session. Only the SHA-256 of its token is here, so that who reads the table cannot use it. ``own``
says that the person has an account in ``console_users``, whose role counts at each request."""

failures: Final = sa.Table(
    "console_failures",
    metadata,
    sa.Column("who", sa.LargeBinary(32), primary_key=True),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("last_at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each name and each address whose last sign-in failed; ``who`` is a digest of it."""
