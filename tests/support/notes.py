"""A small API for tests of the framework, with notes in one table."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from leveret.api import Api, Context, Secret
from leveret.errors import Conflict, NotFound, TemporaryError

metadata = sa.MetaData()
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("text", sa.String(200), nullable=False),
)

NoteContext = Context


class WriteNote(Struct, frozen=True):
    text: Annotated[str, msgspec.Meta(min_length=1)]
    then: str = ""


class Login(Struct, frozen=True):
    user: str
    password: Secret[str]


def note_api() -> Api:
    """Make an API with actions that write, that fail in every way, and that run in the event loop."""
    api: Api = Api()

    @api.action("v1", "health_check", public=True)
    async def health_check(context: NoteContext) -> dict[str, str]:
        return {"status": "ok"}

    @api.action("v1", "write", writes=True)
    def write(context: NoteContext, wanted: WriteNote) -> dict[str, Any]:
        _fail_if_wanted(wanted.then.removeprefix("before:"), wanted.then.startswith("before:"))
        note = _insert(context.connection, context.principal.subject, wanted.text)
        _fail_if_wanted(wanted.then.removeprefix("after:"), wanted.then.startswith("after:"))
        if context.services:  # a test's list of errors to come
            raise context.services.pop()
        return {"id": note, "text": wanted.text}

    @api.action("v1", "count")
    def count(context: NoteContext) -> int:
        mine = notes.c.owner == context.principal.subject
        return int(context.connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one())

    @api.action("v1", "sign_up", public=True, writes=True)
    async def sign_up(context: NoteContext, wanted: Login) -> dict[str, Any]:
        if wanted.user == "cancelled":
            raise asyncio.CancelledError
        return await context.transaction(_sign_up, wanted)

    @api.action("v1", "log_in", public=True, secret=True)
    async def log_in(context: NoteContext, wanted: Login) -> dict[str, Any]:
        found = await context.transaction(_find, wanted.user)
        if found is None:
            raise NotFound("No such user")
        return {"token": f"secret of {wanted.user}"}

    api.inherit("v2", parent="v1")
    return api


def _insert(connection: sa.Connection, owner: str, text: str) -> int:
    return int(connection.execute(notes.insert().values(owner=owner, text=text).returning(notes.c.id)).scalar_one())


def _sign_up(connection: sa.Connection, wanted: Login) -> dict[str, Any]:
    if _find(connection, wanted.user) is not None:
        raise Conflict("User already exists")
    _fail_if_wanted(wanted.user, wanted.user in {"temporary", "bug"})
    return {"id": _insert(connection, wanted.user, "signed up")}


def _find(connection: sa.Connection, owner: str) -> int | None:
    return connection.execute(sa.select(notes.c.id).where(notes.c.owner == owner)).scalar()


def _fail_if_wanted(how: str, wanted: bool) -> None:
    if not wanted:
        return
    failures: dict[str, BaseException] = {
        "conflict": Conflict("No second one"),
        "temporary": TemporaryError("not now"),
        "bug": KeyError("nobody foresaw this"),
        "exit": SystemExit(3),
    }
    raise failures[how]
