"""Alembic migrations of the application's and warren's tables."""
