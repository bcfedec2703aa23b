"""The framework's own revisions, and which of them the tables of a database show."""

from __future__ import annotations

from collections.abc import Mapping, Set
from pathlib import Path
from typing import Final

from leveret.sql.operation_tables import OPERATION_TABLES
from leveret.sql.tables import crash_journal, leveret_application, leveret_events, processed_requests, rate_windows

VERSION_TABLE: Final = "leveret_version"
"""Table in which Alembic keeps the revision of the framework's tables."""

FOLDER: Final = Path(__file__).parent / "migrations"
"""Alembic's folder of the framework's revisions."""

APPLICATION: Final = "leveret_application"
"""Table that names the application to which the database belongs."""

TABLES: Final = (
    processed_requests,
    crash_journal,
    rate_windows,
    leveret_application,
    *OPERATION_TABLES,
    leveret_events,
)
"""The framework's tables as this version uses them."""

Shape = Mapping[str, Set[str]]
"""The columns of each table, by name."""

_FIRST: Final[Shape] = {
    "processed_requests": {"principal", "id", "fingerprint", "version", "action", "response_json", "created_at"},
    "crash_journal": {"principal", "id", "attempts", "last_at"},
}

_SECOND: Final[Shape] = {**_FIRST, "rate_windows": {"principal", "ends_ms", "taken"}}

_THIRD: Final[Shape] = {**_SECOND, "leveret_application": {"name"}}

_FOURTH: Final[Shape] = {
    **_THIRD,
    "leveret_operations": {
        *("id", "kind", "filter_json", "options_json", "by_whom", "why", "incident"),
        *("created_at", "state", "ended_why", "owner", "lease_until"),
    },
    "leveret_operation_letters": {"operation", "letter", "position", "request", "state", "why", "at"},
    "leveret_audit": {"id", "at", "by_whom", "what", "why", "incident", "operation", "details_json"},
    "leveret_groups": {"fingerprint", "state", "note", "by_whom", "at"},
}

_FIFTH: Final[Shape] = {
    **_FOURTH,
    "leveret_archive": {
        *("letter", "request", "action", "state", "whole", "at", "by_whom", "why", "incident"),
        *("size", "properties_json", "body"),
    },
}

_SIXTH: Final[Shape] = {
    **_FIFTH,
    "leveret_events": {"id", "transaction_id", "principal", "type", "subject", "data_json", "request", "at"},
}

SHAPES: Final[dict[str, Shape]] = {
    "0001": _FIRST,
    "0002": _SECOND,
    "0003": _THIRD,
    "0004": _FOURTH,
    "0005": _FIFTH,
    "0006": _SIXTH,
}
"""Each revision, oldest first, with the tables that it leads to. Databases without a version table, which were made by
hand or by an application's migrations, are known by them."""

NEWEST: Final = tuple(SHAPES)[-1]
"""The revision that this version needs."""

OURS: Final = frozenset({*SHAPES[NEWEST], VERSION_TABLE})
"""Names of tables that belong to the framework."""


def is_one(name: str, columns: Set[str]) -> bool:
    """Return whether a table of that name and with these columns is one of the framework's."""
    return columns == ({"version_num"} if name == VERSION_TABLE else SHAPES[NEWEST].get(name))


def shown(found: Shape) -> tuple[str | None, str | None]:
    """Find the revision whose tables a database has.

    Args:
        found: the tables that the database has, of those that any revision has.

    Returns:
        The revision, or None where there is none of the tables; and what keeps the tables from being ours, or None.
    """
    ours = {name: columns for name, columns in found.items() if name in OURS - {VERSION_TABLE}}
    if not ours:
        return None, None
    for revision in reversed(SHAPES):
        if ours == SHAPES[revision]:
            return revision, None
    return None, _difference(ours)


def _difference(ours: Shape) -> str:
    """Say in what a table differs from ours, or which one is missing beside it."""
    newest = SHAPES[NEWEST]
    for name, columns in ours.items():
        if missing := sorted(newest[name] - columns):
            return f"its table {name} has no column {missing[0]}"
        if others := sorted(columns - newest[name]):
            return f"its table {name} has a column {others[0]}"
    [name, *_], [absent, *_] = sorted(ours), [name for name in newest if name not in ours]
    return f"it has a table {name} and no table {absent}"
