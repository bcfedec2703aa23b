"""Alembic migrations of the framework's tables."""
