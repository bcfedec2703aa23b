"""What stands behind each door: a database of its own, and the workers and gateways that work on it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import jwt
from argon2 import PasswordHasher

from leveret.broker.queues import remove_topology
from leveret.client import Client
from leveret.settings import Settings
from support.doors.broker_doors import LIMIT, ClientDoor, PikaDoor, PythonDoor
from support.doors.case import Case, Door
from support.doors.http_doors import RestDoor, node_running
from support.gateways import SECRET, gateway_running, gateway_settings, worker_running
from taskmanager.actions import app

DOORS: Final = ("client", "pika", "rest", "direct", "python", "typescript")
TABLES: Final[Mapping[str, str]] = {
    "users": "id",
    "tasks": "id",
    "processed_requests": "principal, id",
    "login_failures": "account",
}
"""The tables that are compared, and their order."""
_MOMENTS: Final = frozenset({"created_at", "updated_at", "last_at", "locked_until"})
_HASH: Final = PasswordHasher(1, 8, 1).hash("correct horse 1")
"""Of the password of those who are users from the beginning, with the least work that there is."""


@dataclass(frozen=True)
class House:
    """A door, and its database.

    Attributes:
        door: the way in.
        file: the SQLite file.
        other_way: carries what the door cannot express, so that its rows stay like those of the others; None where no
            broker leads to the database.
    """

    door: Door
    file: Path
    other_way: Client | None

    async def bring(self, case: Case) -> None:
        """Carry a case that the door cannot express."""
        if self.other_way is not None:
            await ClientDoor(self.other_way).ask(case)

    def reset(self) -> None:
        """Make the database what it was at the beginning: two users, and nothing else."""
        with closing(sqlite3.connect(self.file, timeout=LIMIT)) as database, database:
            for table in ("tasks", *(name for name in TABLES if name != "tasks"), "crash_journal"):
                database.execute(f"DELETE FROM {table}")
            database.execute("DELETE FROM sqlite_sequence WHERE name IN ('users', 'tasks')")
            database.executemany(
                "INSERT INTO users (email, full_name, password_hash, is_admin, created_at) VALUES (?, ?, ?, ?, ?)",
                [(f"{name}@example.org", name, _HASH, name == "ben", "2026-01-01 00:00:00") for name in ("ada", "ben")],
            )

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of all tables that are compared, without moments and salts."""
        with closing(sqlite3.connect(self.file, timeout=LIMIT)) as database:
            database.row_factory = sqlite3.Row
            return {
                table: [_row(dict(row)) for row in database.execute(f"SELECT * FROM {table} ORDER BY {order}")]
                for table, order in TABLES.items()
            }


def tokens() -> dict[str, str]:
    """Return the token of each kind of caller: the same for all doors, because their users have the same ids."""
    keyring = app.keyring(app.defaults.__class__(jwt_secret=SECRET))
    now = int(datetime.now(UTC).timestamp())
    claims = {"sub": "1", "iss": "taskmanager", "aud": "taskmanager"}
    day = timedelta(days=1)
    return {
        "ada": keyring.issue("1", day),
        "ben": keyring.issue("2", day),
        "unknown user": keyring.issue("99", day),
        "nobody": "",
        "expired": jwt.encode({**claims, "iat": now - 7200, "exp": now - 3600}, SECRET, "HS256"),
        "forged": jwt.encode({**claims, "iat": now, "exp": now + 3600}, b"another secret of 32 bytes or more", "HS256"),
        "garbage": "not-a-token",
    }


def without_moments(value: Any) -> Any:
    """Return JSON with a word in the place of each moment at which something was made or changed."""
    if isinstance(value, dict):
        return {name: "moment" if name in _MOMENTS and each else without_moments(each) for name, each in value.items()}
    return [without_moments(each) for each in value] if isinstance(value, list) else value


@asynccontextmanager
async def houses_running(broker_url: str, prefix: str, folder: Path, program: Path) -> AsyncIterator[list[House]]:
    """Run everything behind the six doors while the block runs.

    Args:
        broker_url: a RabbitMQ.
        prefix: what the names of all queues begin with.
        folder: where the databases go.
        program: the compiled client in TypeScript.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient())
        houses = []
        for name in DOORS:
            (folder / name).mkdir()
            settings = gateway_settings(folder / name, broker_url, f"{prefix}{name}")
            client = None if name == "direct" else await _served(stack, settings)
            door = await _door(stack, name, settings, client, http, program)
            houses.append(House(door, folder / name / "test.db", client))
        yield houses


async def _served(stack: AsyncExitStack, settings: Settings) -> Client:
    """Run a worker, and return a client of it."""
    stack.push_async_callback(remove_topology, settings.amqp_url, app.topology(settings))
    await stack.enter_async_context(worker_running(settings))
    return await stack.enter_async_context(Client(settings.amqp_url, settings.queue_prefix))


async def _door(
    stack: AsyncExitStack, name: str, settings: Settings, client: Client | None, http: httpx2.AsyncClient, program: Path
) -> Door:
    if name == "pika":
        door = PikaDoor(settings.amqp_url, settings.queue_prefix)
        stack.callback(door.close)
        return door
    if client is not None and name in ("client", "python"):
        return ClientDoor(client) if name == "client" else PythonDoor(client)
    url = await stack.enter_async_context(gateway_running(settings, direct=name == "direct", timeout=LIMIT))
    if name == "typescript":
        return await stack.enter_async_context(node_running(program, url))
    return RestDoor(name, http, url)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    if "password_hash" in row:
        row["password_hash"] = "hash"
    if row.get("response_json"):
        row["response_json"] = json.loads(row["response_json"])
    found: dict[str, Any] = without_moments(row)
    return found
