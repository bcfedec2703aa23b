"""The whole job over HTTP as a careful team writes it: FastAPI and SQLAlchemy, with an idempotency table.

`POST /api/v1/tasks/` with a bearer token and an `Idempotency-Key` does what `create_task` of this system does, with the
same guarantees: the token is verified, the data is validated, and the task, the key and the stored response are one
transaction, which is durable before the answer. The same key again gets the stored response; with another payload it
gets 422.

It follows "SQL (Relational) Databases" and "OAuth2 with Password and Bearer with JWT tokens" of FastAPI's
documentation, "INSERT, UPDATE, DELETE Statements" of SQLAlchemy's, and "Settings" of uvicorn's. It is tuned: SQLAlchemy
Core instead of the ORM, the stored bytes as the answer, no thread for what does not wait, and for SQLite the
write-ahead log and BEGIN IMMEDIATE. SQLite has one writer, so there the transaction runs in the event loop: threads
made half as many requests a second here. With PostgreSQL each transaction runs in a thread of Starlette's pool.

    python benchmarks/peers/fastapi_job.py prepare DATABASE_URL
    python benchmarks/peers/fastapi_job.py worker DATABASE_URL PROCESSES
    python benchmarks/peers/fastapi_job.py versions

`prepare` makes the tables and one user, and prints a token. `worker` chooses its port; each process prints
`ready http://127.0.0.1:PORT` when it serves.
"""

import argparse
import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import jwt
import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, StringConstraints
from sqlalchemy.exc import IntegrityError
from uvicorn.supervisors import Multiprocess

import command

KEY = "x" * 32
BACKLOG = 2048
URL = "FASTAPI_JOB_DATABASE"
AT = "FASTAPI_JOB_ADDRESS"

metadata = sa.MetaData()
_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
users = sa.Table(
    "users", metadata, sa.Column("id", _id, primary_key=True), sa.Column("email", sa.String(254), unique=True)
)
tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", _id, primary_key=True),
    sa.Column("owner_id", _id, sa.ForeignKey("users.id"), nullable=False, index=True),
    sa.Column("title", sa.String(200), nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)
keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("owner_id", _id, primary_key=True),
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("response", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
)
FIND = sa.select(keys.c.fingerprint, keys.c.status, keys.c.response).where(
    keys.c.owner_id == sa.bindparam("owner"), keys.c.key == sa.bindparam("key_given")
)
ADD_TASK = sa.insert(tasks).returning(tasks.c.id)
ADD_KEY = sa.insert(keys)


class NewTask(BaseModel):
    """What a task is made from."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class Key(BaseModel):
    """What a stored response is found by, and a digest of what was asked for."""

    owner: int
    text: str
    fingerprint: bytes


def make_engine(url: str) -> sa.Engine:
    """Return an engine; every commit is durable, also on SQLite."""
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_size=16, max_overflow=0)
    engine = sa.create_engine(url, connect_args={"timeout": 60})

    @sa.event.listens_for(engine, "connect")
    def opened(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {setting}")

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def known(connection: sa.Connection, key: Key) -> Response | None:
    """Return the stored response to a key; None if the key is new."""
    found = connection.execute(FIND, {"owner": key.owner, "key_given": key.text}).one_or_none()
    if found is None:
        return None
    if bytes(found.fingerprint) != key.fingerprint:
        raise HTTPException(422, "this Idempotency-Key was used with another payload")
    return Response(bytes(found.response), found.status, media_type="application/json")


def create(connection: sa.Connection, key: Key, new: NewTask) -> Response:
    """Insert the task and the response under the key."""
    now = datetime.now(UTC)
    row = {"owner_id": key.owner, "title": new.title, "description": new.description, "status": "todo"}
    number = connection.execute(ADD_TASK, {**row, "created_at": now}).scalar_one()
    body = json.dumps({"id": number, **row, "created_at": now.isoformat()}).encode()
    stored = {"owner_id": key.owner, "key": key.text, "fingerprint": key.fingerprint, "status": 201, "response": body}
    connection.execute(ADD_KEY, {**stored, "created_at": now})
    return Response(body, 201, media_type="application/json")


def once(engine: sa.Engine, key: Key, new: NewTask) -> Response:
    """Create the task in one transaction with its key, or return the stored response."""
    try:
        with engine.begin() as connection:
            return known(connection, key) or create(connection, key, new)
    except IntegrityError:  # the same key at the same moment: its response is there now
        with engine.begin() as connection:
            if (response := known(connection, key)) is None:
                raise
            return response


async def owner_of(given: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> int:
    """Return the user whose token it is."""
    try:
        claims = jwt.decode(given.credentials, KEY, algorithms=["HS256"], options={"require": ["exp", "sub"]})
        return int(claims["sub"])
    except (jwt.InvalidTokenError, ValueError):
        raise HTTPException(401, "the token is not valid", {"WWW-Authenticate": "Bearer"}) from None


async def key_of(
    request: Request, owner: Annotated[int, Depends(owner_of)], new: NewTask, idempotency_key: Annotated[str, Header()]
) -> Key:
    """Return the key of a request."""
    text = idempotency_key.removeprefix('"').removesuffix('"')
    if not re.fullmatch(r"[\x20-\x7e]{1,128}", text):
        raise HTTPException(400, "the Idempotency-Key is not valid")
    payload = f"{request.method} {request.url.path} {new.model_dump_json()}"
    return Key(owner=owner, text=text, fingerprint=hashlib.sha256(payload.encode()).digest())


def make_app() -> FastAPI:
    """Return the application for the database that the environment names; uvicorn calls it in each process."""
    logging.disable()
    engine = make_engine(os.environ[URL])

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        command.ready(at=os.environ[AT])
        yield
        engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/v1/tasks/", status_code=201)
    async def create_task(key: Annotated[Key, Depends(key_of)], new: NewTask) -> Response:
        if engine.dialect.name == "sqlite":
            return once(engine, key, new)
        return await run_in_threadpool(once, engine, key, new)

    return app


def prepare(url: str) -> None:
    """Make the tables and a user, and print a token."""
    engine = make_engine(url)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(sa.insert(users), {"id": 1, "email": "a@example.com"})
    engine.dispose()
    print(jwt.encode({"sub": "1", "exp": datetime.now(UTC) + timedelta(hours=12)}, KEY, algorithm="HS256"))


def serve(url: str, processes: int) -> None:
    """Serve in a number of processes, until the first of them is stopped."""
    config = uvicorn.Config(
        "fastapi_job:make_app",
        factory=True,
        port=0,
        workers=processes,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_level="critical",
        access_log=False,
        backlog=BACKLOG,
    )
    listening = config.bind_socket()
    listening.listen(BACKLOG)
    os.environ |= {URL: url, AT: f"http://127.0.0.1:{listening.getsockname()[1]}"}
    if processes > 1:
        Multiprocess(config, sockets=[listening]).run()
    else:
        uvicorn.Server(config).run(sockets=[listening])


def main(arguments: list[str]) -> None:
    """Prepare a database, serve, or print the versions of the libraries."""
    parser = argparse.ArgumentParser(description="the whole job over HTTP with FastAPI and SQLAlchemy")
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare", help="make the tables and one user, and print a token")
    preparing.add_argument("url")
    working = commands.add_parser("worker", help="serve")
    working.add_argument("url")
    working.add_argument("processes", type=command.positive)
    commands.add_parser("versions", help="print the versions of the libraries in use")
    options = parser.parse_args(arguments)
    if options.command == "versions":
        command.print_versions(["fastapi", "starlette", "pydantic", "sqlalchemy", "psycopg", "pyjwt", "uvicorn"])
    elif options.command == "prepare":
        prepare(options.url)
    else:
        serve(options.url, options.processes)


if __name__ == "__main__":
    main(sys.argv[1:])
