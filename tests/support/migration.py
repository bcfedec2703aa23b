"""The Task Manager's database, upgraded and looked at as its command does it."""

from leveret.sql import schema
from taskmanager.storage.schema import NAMES, SCHEMA


def upgrade(url: str) -> bool:
    return schema.upgrade(url, SCHEMA, NAMES)


def current(url: str) -> str | None:
    return schema.current(url, SCHEMA, NAMES)


def is_current(url: str) -> bool:
    return schema.is_current(url, SCHEMA, NAMES)
