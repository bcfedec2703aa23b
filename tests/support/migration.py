"""The Task Manager's database, upgraded and looked at as its command does it."""

from leveret.sql import schema
from taskmanager.actions import app


def upgrade(url: str) -> bool:
    return schema.upgrade(url, app.schema, app.names)


def current(url: str) -> str | None:
    return schema.current(url, app.schema, app.names)


def is_current(url: str) -> bool:
    return schema.is_current(url, app.schema, app.names)
