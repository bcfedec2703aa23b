"""Databases for runs: empty ones and ones filled with rows, with one user who owns everything."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psycopg
import sqlalchemy as sa

from bench.rig import Rig
from leveret.sql.engine import create_engine
from taskmanager.actions import app
from taskmanager.settings import Settings
from testbed.enrolling import enrol

Engine = Literal["sqlite", "postgresql"]

NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

_RESPONSE: Final = (
    '{"correlation_id":"","status":"ok","data":{"id":1,"owner_id":1,"title":"Buy milk","description":"demo task",'
    '"status":"todo","due_date":null,"created_at":"2026-01-01T00:00:00.000000Z",'
    '"updated_at":"2026-01-01T00:00:00.000000Z"},"error":null}'
).translate({ord("{"): "{{", ord("}"): "}}"})
_STATUS: Final = "CASE i % 3 WHEN 0 THEN 'todo' WHEN 1 THEN 'in_progress' ELSE 'done' END"
_PRIORITY: Final = "CASE i % 7 % 3 WHEN 0 THEN 'low' WHEN 1 THEN 'medium' ELSE 'high' END"
_TASKS: Final = (
    "INSERT INTO tasks (owner_id, title, description, status, priority, created_at, updated_at)"
    f" SELECT 1, 'filled-' || i, 'demo task', {_STATUS}, {_PRIORITY}, {{now}}, {{now}} FROM {{numbers}}"
)
_RESPONSES: Final = (
    "INSERT INTO processed_requests (principal, id, fingerprint, version, action, response_json, created_at)"
    f" SELECT '1', {{id}}, {{digest}}, 'v1', 'create_task', '{_RESPONSE}', {{now}} FROM {{numbers}}"
)
# Ids are spread over all 32 hexadecimal digits, as UUIDs are, but come in order, because filling would take hours else.
_SQLITE: Final = {
    "now": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
    "id": "printf('%08x', i * {step}) || lower(hex(randomblob(12)))",
    "digest": "randomblob(16)",
    "numbers": "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)",
}
_POSTGRESQL: Final = {
    "now": "clock_timestamp()",
    "id": "lpad(to_hex(i * {step}), 8, '0') || substr(md5(i::text), 9)",
    "digest": "decode(md5(i::text), 'hex')",
    "numbers": "generate_series(1::bigint, {count}) AS n(i)",
}
_SQLITE_INDEXES: Final = (
    "SELECT name, sql FROM sqlite_master"
    " WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('tasks', 'processed_requests')"
)
_POSTGRESQL_INDEXES: Final = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('tasks', 'processed_requests')"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
)


@dataclass(frozen=True, slots=True)
class Database:
    """A database with current tables and the user 1.

    Attributes:
        url: SQLAlchemy URL of the database.
        secret: secret that signs the token.
        token: the user's token.
        tasks: number of tasks that it had when it was made; their ids begin with 1.
    """

    url: str
    secret: str
    token: str
    tasks: int = 0

    @property
    def variables(self) -> dict[str, str]:
        """Settings of the application for this database."""
        return {"TASKMANAGER_DATABASE_URL": self.url, "TASKMANAGER_JWT_SECRET": self.secret}

    def connect(self) -> sa.Engine:
        """Make an engine for this database."""
        return create_engine(self.url)


@contextmanager
def new_database(rig: Rig, engine: Engine, *, tasks: int = 0, responses: int = 0) -> Iterator[Database]:
    """Make a database with a number of tasks and responses, and remove it when the block ends."""
    with empty_place(rig, engine) as url:
        secret = secrets.token_hex(32)
        settings = Settings(database_url=url, jwt_secret=secret.encode())
        app.prepare_database(settings, migrate=True)
        token = enrol(settings, 1)[1]
        if tasks or responses:
            (_fill_sqlite if engine == "sqlite" else _fill_postgresql)(url, tasks, responses)
        yield Database(url, secret, token, tasks)


def kept_database(rig: Rig, engine: Engine, *, tasks: int = 0, responses: int = 0) -> Database:
    """Return a database that is kept for all runs of a case; make it at the first call."""
    name = f"{engine} {tasks} {responses}"
    return rig.kept(
        name, lambda: rig.for_case.enter_context(new_database(rig, engine, tasks=tasks, responses=responses))
    )


@contextmanager
def empty_place(rig: Rig, engine: Engine) -> Iterator[str]:
    """Yield the URL of an empty database, and remove it when the block ends."""
    if engine == "postgresql":
        with rig.postgres.database() as url:
            yield url
        return
    file = rig.folder / f"{rig.new_name('tasks')}.db"
    try:
        yield f"sqlite:///{file}"
    finally:
        for path in rig.folder.glob(f"{file.name}*"):
            path.unlink()


def _fill_sqlite(url: str, tasks: int, responses: int) -> None:
    connection = sqlite3.connect(Path(sa.make_url(url).database or ""), isolation_level=None)
    # Only while the database is filled; a worker uses its own settings, with write-ahead logging.
    for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
        connection.execute(f"PRAGMA {setting}")
    indexes = connection.execute(_SQLITE_INDEXES).fetchall()
    connection.execute("BEGIN")
    for statement in _filling(_SQLITE, indexes, tasks, responses):
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


def _fill_postgresql(url: str, tasks: int, responses: int) -> None:
    address = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address, autocommit=True) as connection:
        # The only owner exists, so that foreign keys need not be checked for each row.
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        indexes = connection.execute(_POSTGRESQL_INDEXES).fetchall()
        for statement in _filling(_POSTGRESQL, indexes, tasks, responses):
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE tasks, processed_requests")
        connection.execute("CHECKPOINT")


def _filling(words: Mapping[str, str], indexes: Iterable[tuple[str, str]], tasks: int, responses: int) -> Iterator[str]:
    """Yield the statements that fill both tables; the indexes are dropped and made again, because that is faster."""
    made = list(indexes)
    yield from (f"DROP INDEX {name}" for name, _ in made)
    for statement, count in ((_TASKS, tasks), (_RESPONSES, responses)):
        if count:
            step = 0xFFFFFFFF // count
            yield statement.format(**{name: text.format(count=count, step=step) for name, text in words.items()})
    yield from (text for _, text in made)
