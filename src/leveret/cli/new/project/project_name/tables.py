"""The tables."""

import sqlalchemy as sa

metadata = sa.MetaData()

guests = sa.Table(
    "guests",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
)

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("email", sa.String(254), nullable=False),
)
