"""The database: the store of the inbox on SQLAlchemy Core, for SQLite and PostgreSQL."""

from leveret.sql.engine import create_engine
from leveret.sql.store import Store
from leveret.sql.tables import metadata

__all__ = ["Store", "create_engine", "metadata"]
