"""An application that is not the Task Manager: visitors sign at a front desk. Also a program: `python visitors.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from msgspec import Struct

from leveret import App, Context, Keyring, Secret
from leveret import Settings as Usual
from leveret.errors import InvalidRequest
from leveret.settings import setting, values

tables = sa.MetaData()
visitors = sa.Table(
    "visitors", tables, sa.Column("number", sa.Integer, primary_key=True), sa.Column("name", sa.Text, nullable=False)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings(Usual):
    """Settings of every application, and how visitors are greeted."""

    greeting: str = setting("GREETING", values.one_of("hello", "bonjour"), "hello")


app: App[Keyring] = App("visitors", version="3.2.1", prefix="FRONT_DESK_", tables=tables, settings=Settings)


class Entry(Struct, frozen=True):
    """A visitor."""

    number: int
    name: str


class Token(Struct, frozen=True):
    """What a login returns."""

    access_token: str


class Person(Struct, frozen=True):
    """Who calls."""

    user: str


@app.lifespan
@asynccontextmanager
async def services(settings: Settings, keyring: Keyring) -> AsyncIterator[Keyring]:
    """Open what actions need: the keyring."""
    yield keyring


@app.action("v1", "sign", writes=True, public=True)
def sign(context: Context[Keyring], name: str, badge: int | None = None, tags: list[str] | None = None) -> Entry:
    """Sign in; the desk fails while the file `closed` is in its folder."""
    if Path("closed").exists():
        raise RuntimeError("the desk is closed")
    parts = [name, *([] if badge is None else [str(badge + 1)]), *(tags or [])]
    row = sa.insert(visitors).values(name=" ".join(parts)).returning(visitors.c.number)
    return Entry(context.connection.execute(row).scalar_one(), " ".join(parts))


@app.action("v1", "login", public=True, secret=True)
def login(context: Context[Keyring], email: str, password: Secret[str]) -> Token:
    """Log in with the one password that there is."""
    if password != "open sesame":
        raise InvalidRequest("Wrong email or password")
    return Token(context.services.issue(email, timedelta(minutes=5)))


@app.action("v2", "me")
def me(context: Context[Keyring]) -> Person:
    """Tell who calls."""
    return Person(context.principal.subject)


if __name__ == "__main__":
    app.run()
