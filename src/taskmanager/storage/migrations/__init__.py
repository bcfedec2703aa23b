"""Alembic migrations of the application's and leveret's tables."""
