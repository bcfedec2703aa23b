"""Makes the tables of stock and orders."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "stock",
        sa.Column("product", sa.String(50), primary_key=True),
        sa.Column("amount", sa.Integer, nullable=False),
        sa.CheckConstraint("amount >= 0", name="ck_stock_amount"),
    )
    op.create_table(
        "orders",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("product", sa.String(50), nullable=False),
        sa.Column("amount", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Remove the tables with their rows."""
    op.drop_table("orders")
    op.drop_table("stock")
