"""Accounts, the same in all versions: register and login."""

from __future__ import annotations

from typing import Self

import sqlalchemy as sa
from msgspec import Struct

from taskmanager import usecases
from taskmanager.actions.registry import TaskContext, api
from taskmanager.domain import NewUser, User, rules
from warren.actions import Secret
from warren.errors import Unauthenticated


class Register(Struct, frozen=True):
    """Somebody who wants to register."""

    email: str
    password: Secret[str]
    full_name: str | None = None

    def __post_init__(self) -> None:
        rules.password(self.password)
        self.user()

    def user(self) -> NewUser:
        """Give the user without the password."""
        return NewUser(self.email, self.full_name)


class UserV1(Struct, frozen=True):
    """A user as others may know it."""

    id: int
    email: str
    full_name: str | None

    @classmethod
    def of(cls, user: User) -> Self:
        """Show a user."""
        return cls(user.id, user.email, user.full_name)


class Login(Struct, frozen=True):
    """Somebody who wants a token."""

    email: str
    password: Secret[str]


class Token(Struct, frozen=True):
    """A token to put into ``auth``."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 -- the kind of token, RFC 6750


@api.action("v1", "register", writes=True, public=True)
async def register(context: TaskContext, wanted: Register) -> UserV1:
    """Register a user."""
    password_hash = await context.services.passwords.hash(wanted.password)

    def keep(connection: sa.Connection) -> UserV1:
        return UserV1.of(usecases.register(connection, wanted.user(), password_hash, context.now))

    return await context.transaction(keep)


@api.action("v1", "login", public=True, secret=True)
async def login(context: TaskContext, given: Login) -> Token:
    """Give a token to a user who knows the password."""
    services = context.services
    known = await context.transaction(usecases.credentials, given.email)
    matches = await services.passwords.verify(known.password_hash if known else None, given.password)
    if not known or not matches:
        raise Unauthenticated("Incorrect email or password")
    return Token(services.keyring.issue(str(known.user_id), services.token_lifetime))
