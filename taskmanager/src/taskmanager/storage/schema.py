"""What the application has in the database beside the framework's tables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from leveret.sql.schema import Schema
from taskmanager.storage.tables import metadata

SCHEMA: Final = Schema(tables=metadata, migrations=Path(__file__).parent / "migrations")
"""The tables of users, tasks and failed logins, and the migrations that make them."""
