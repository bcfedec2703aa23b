"""The database: the store of the inbox on SQLAlchemy Core, for SQLite and PostgreSQL."""
