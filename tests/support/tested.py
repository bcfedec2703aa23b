"""An application whose actions do everything that a test client has to cope with."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from leveret import App, Context, RateLimit, RetryPolicy, Secret
from leveret.amqp import Addresses, AnyConnection, Message, Properties
from leveret.errors import Conflict, Forbidden, NotFound, TemporaryError
from leveret.testing import AsyncTestClient

Opening = Callable[..., AbstractAsyncContextManager[AsyncTestClient]]
"""Opens a test client of the tested app; takes the options of `TestClient`, and settings by their names."""

Cut = Callable[[AsyncTestClient], Awaitable[None]]
"""Ends all connections to the broker, as the loss of a network does."""

SECRET = b"a tested secret of 32 bytes or more"
"""The secret of the tested app's tokens, so that a test can make tokens of its own."""

LIMIT = 20.0
"""Seconds that a test waits, at most, until an action begins."""

metadata = sa.MetaData()
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("text", sa.String(200), nullable=False),
)


class Note(Struct, frozen=True):
    text: str
    then: str = ""


class Login(Struct, frozen=True):
    user: str
    password: Secret[str]


class Times(Struct, frozen=True):
    fails: int


class Size(Struct, frozen=True):
    bytes: int


@dataclass
class Gate:
    """Holds actions back until it is opened."""

    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    opened: threading.Event = field(default_factory=threading.Event)

    def go_through(self) -> None:
        self.begun.release()
        assert self.opened.wait(LIMIT), "the gate stayed closed"

    async def begins(self) -> None:
        """Wait until an action stands before the gate."""
        assert await asyncio.to_thread(self.begun.acquire, timeout=LIMIT), "no action has begun"


def make_app(gate: Gate) -> App:
    """Make an application with actions of every kind."""
    app: App = App("tested", tables=metadata)
    add_writes(app)
    add_retried(app)
    add_gated(app, gate)
    add_limited(app)
    add_others(app)
    add_deadly(app)
    return app


def add_writes(app: App) -> None:
    @app.action("v1", "write", writes=True)
    def write(context: Context, wanted: Note) -> dict[str, Any]:
        note = insert(context.connection, context.principal.subject, wanted.text)
        fail(wanted.then)
        return {"id": note, "text": wanted.text}

    @app.action("v2", "write", writes=True)
    def write_for_v2(context: Context, wanted: Note) -> dict[str, Any]:
        return {"note": write(context, wanted)}

    @app.action("v1", "sign_up", public=True, writes=True)
    async def sign_up(context: Context, wanted: Login) -> dict[str, Any]:
        return await context.transaction(signed_up, wanted)


def add_retried(app: App) -> None:
    @app.action("v1", "flaky", writes=True)
    def flaky(context: Context, wanted: Times) -> dict[str, Any]:
        note = insert(context.connection, context.principal.subject, f"attempt {context.retries}")
        if context.retries < wanted.fails:
            raise TemporaryError(f"attempt {context.retries} fails")
        return {"id": note, "retries": context.retries}

    @app.action("v1", "flaky_later", writes=True)
    async def flaky_later(context: Context, wanted: Times) -> dict[str, Any]:
        await asyncio.sleep(0)
        return await context.transaction(lambda connection: flaky_in(connection, context, wanted))


def add_limited(app: App) -> None:
    policy = RetryPolicy((timedelta(milliseconds=300),), most=1, no_retry_on=(LookupError,))

    @app.action("v1", "charge", writes=True, retry=policy, rate_limit=RateLimit(2, timedelta(hours=1)))
    def charge(context: Context, wanted: Note) -> dict[str, Any]:
        if wanted.then == "stolen":
            raise LookupError("no such card")
        fail(wanted.then)
        return {"id": insert(context.connection, context.principal.subject, wanted.text)}


def add_gated(app: App, gate: Gate) -> None:
    @app.action("v1", "pass_gate", writes=True)
    def pass_gate(context: Context) -> dict[str, Any]:
        gate.go_through()
        insert(context.connection, context.principal.subject, "passed")
        return {"redelivered": context.redelivered}

    @app.action("v1", "pass_gate_and_fail", writes=True)
    async def pass_gate_and_fail(context: Context) -> None:
        await asyncio.to_thread(gate.go_through)
        raise KeyError("behind the gate")

    @app.action("v1", "pass_gate_later", writes=True)
    async def pass_gate_later(context: Context) -> dict[str, Any]:
        await asyncio.to_thread(gate.go_through)

        def store(connection: sa.Connection) -> dict[str, Any]:
            insert(connection, context.principal.subject, "redelivered" if context.redelivered else "passed")
            return {"redelivered": context.redelivered}

        return await context.transaction(store)


def add_others(app: App) -> None:
    @app.action("v1", "count")
    def count(context: Context) -> int:
        return count_of(context.connection, context.principal.subject)

    @app.action("v1", "log_in", public=True, secret=True)
    def log_in(context: Context, wanted: Login) -> dict[str, Any]:
        return {"token": f"the secret of {wanted.user}", "count": insert(context.connection, wanted.user, "logged in")}

    @app.action("v1", "now")
    def now(context: Context) -> dict[str, Any]:
        sql = context.connection.execute(sa.text("SELECT CURRENT_TIMESTAMP")).scalar_one()
        return {"now": context.now.isoformat(), "sql": str(sql)}

    @app.action("v1", "huge", public=True)
    def huge(context: Context, wanted: Size) -> str:
        return "x" * wanted.bytes


def add_deadly(app: App) -> None:
    @app.action("v1", "hang", timeout=timedelta(milliseconds=50))
    async def hang(context: Context) -> None:
        await asyncio.Event().wait()

    @app.action("v1", "exit", writes=True)
    def exit_now(context: Context) -> None:
        raise SystemExit(3)

    @app.action("v1", "exit_later")
    async def exit_later(context: Context) -> None:
        raise SystemExit(3)


def insert(connection: sa.Connection, owner: str, text: str) -> int:
    return int(connection.execute(notes.insert().values(owner=owner, text=text).returning(notes.c.id)).scalar_one())


def count_of(connection: sa.Connection, owner: str) -> int:
    rows = sa.select(sa.func.count()).where(notes.c.owner == owner)
    return int(connection.execute(rows).scalar_one())


def flaky_in(connection: sa.Connection, context: Context, wanted: Times) -> dict[str, Any]:
    note = insert(connection, context.principal.subject, f"attempt {context.retries}")
    if context.retries < wanted.fails:
        raise TemporaryError(f"attempt {context.retries} fails")
    return {"id": note, "retries": context.retries}


def signed_up(connection: sa.Connection, wanted: Login) -> dict[str, Any]:
    fail(wanted.user)
    if count_of(connection, wanted.user):
        raise Conflict("User already exists", details={"user": wanted.user})
    return {"id": insert(connection, wanted.user, "signed up")}


def fail(how: str) -> None:
    """Raise what is asked for."""
    errors: dict[str, Exception] = {
        "conflict": Conflict("No second one", details={"field": "text"}),
        "forbidden": Forbidden("Not for you"),
        "missing": NotFound("Not there"),
        "temporary": TemporaryError("not now"),
        "bug": KeyError("nobody foresaw this"),
    }
    if how in errors:
        raise errors[how]


def content_of(request_id: str, action: str, data: dict[str, Any], client: AsyncTestClient) -> bytes:
    """Return a request as bytes, with the token of a client."""
    whole = {"id": request_id, "version": "v1", "action": action, "data": data, "auth": client._token}
    return json.dumps(whole).encode()


async def publish(client: AsyncTestClient, body: bytes, **properties: Any) -> None:
    """Publish any bytes as a request, and wait until the broker has them."""
    setup = client._setup
    message = Message(body, setup.topology.requests, setup.topology.exchange, Properties(**properties), mandatory=True)

    async def send(connection: AnyConnection) -> None:
        channel = await connection.channel(confirms=True)
        assert await channel.publish_batch([message]) == [None]

    connection = await setup.broker.connect(Addresses.of(setup.broker.address), name="raw")
    try:
        setup.ledger.expect(str(properties.get("correlation_id") or ""))
        await send(connection)
    finally:
        await connection.close()
