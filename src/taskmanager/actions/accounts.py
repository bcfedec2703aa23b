"""Accounts, the same in all versions: register and login."""

from __future__ import annotations

from typing import Self

import sqlalchemy as sa
from msgspec import Struct

from leveret.api import Secret
from leveret.errors import Conflict, RateLimited, Unauthenticated
from taskmanager import usecases
from taskmanager.actions.registry import TaskContext, api
from taskmanager.domain import NewUser, User, rules


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


@api.action("v1", "register", writes=True, public=True, errors=(Conflict,))
async def register(context: TaskContext, wanted: Register) -> UserV1:
    """Register a user."""
    with context.services.passwords.place() as place:
        password_hash = await place.hash(wanted.password)

    def keep(connection: sa.Connection) -> UserV1:
        return UserV1.of(usecases.register(connection, wanted.user(), password_hash, context.now))

    return await context.transaction(keep)


@api.action("v1", "login", public=True, secret=True, errors=(Unauthenticated, RateLimited))
async def login(context: TaskContext, given: Login) -> Token:
    """Give a token to a user who knows the password.

    The same statements and one hash for every email, so that neither text nor time says which ones are known.
    """
    services = context.services
    with services.passwords.place() as place:
        account = await _account(context, given.email)
        known = await context.transaction(usecases.begin_login, account, given.email, context.now)
        matches = await place.verify(known.password_hash if known else None, given.password)
    if not known or not matches:
        raise Unauthenticated("Incorrect email or password")
    await context.transaction(usecases.end_login, account)
    return Token(services.keyring.issue(str(known.user_id), services.token_lifetime))


async def _account(context: TaskContext, email: str) -> bytes:
    """Name what failures of this login are counted for: a digest of the email.

    Who sends a valid token of the account along is counted apart, so that nobody else's guesses lock out a user who
    renews a token.
    """
    renews = bool(context.request.auth) and await _is_own(context, email)
    counted = f"{'renewal' if renews else 'login'} {usecases.account_name(email)}"
    return context.services.keyring.fingerprint(counted.encode(), keyed=True)


async def _is_own(context: TaskContext, email: str) -> bool:
    known = await context.transaction(usecases.credentials, email)
    try:
        subject = context.services.keyring.verify(context.request.auth).subject
    except Unauthenticated:
        return False
    return known is not None and subject == str(known.user_id)
