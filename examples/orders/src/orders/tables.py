"""The shop's tables."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

metadata: Final = sa.MetaData()

stock: Final = sa.Table(
    "stock",
    metadata,
    sa.Column("product", sa.String(50), primary_key=True),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.CheckConstraint("amount >= 0", name="ck_stock_amount"),
)
"""How many of each product are left."""

orders: Final = sa.Table(
    "orders",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("product", sa.String(50), nullable=False),
    sa.Column("amount", sa.Integer, nullable=False),
    sa.Column("tracking", sa.String(80)),
    sqlite_autoincrement=True,
)
"""One row for each order; ``tracking`` is null until it is shipped."""
