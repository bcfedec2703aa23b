"""The actions register and login, which are the same in all versions."""

from __future__ import annotations

from typing import Final, Self

import sqlalchemy as sa
from msgspec import Struct

from leveret.api import Secret
from leveret.errors import Conflict, RateLimited, Unauthenticated
from taskmanager import usecases
from taskmanager.actions.limits import Email, FullName, NewPassword
from taskmanager.actions.registry import TaskContext, app
from taskmanager.domain import NewUser, User, rules

CONSOLE_ROLES: Final = ("console:operator",)
"""What an administrator's token names, so that the console lets administrators in."""


class Register(Struct, frozen=True):
    """Input of register."""

    email: Email
    password: Secret[NewPassword]
    full_name: FullName | None = None

    def __post_init__(self) -> None:
        rules.password(self.password)
        self.user()

    def user(self) -> NewUser:
        """Return the new user, without the password."""
        return NewUser(self.email, self.full_name)


class UserV1(Struct, frozen=True):
    """A user, without secrets."""

    id: int
    email: str
    full_name: str | None

    @classmethod
    def of(cls, user: User) -> Self:
        """Convert a user to the form of version 1."""
        return cls(user.id, user.email, user.full_name)


class Login(Struct, frozen=True):
    """Input of login."""

    email: str
    password: Secret[str]


class Token(Struct, frozen=True):
    """An access token, which later requests carry in ``auth``."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 -- it is the type of a token, RFC 6750


@app.action("v1", "register", writes=True, public=True, errors=(Conflict,))
async def register(context: TaskContext, wanted: Register) -> UserV1:
    """Register a user."""
    with context.services.passwords.place() as place:
        password_hash = await place.hash(wanted.password)

    def keep(connection: sa.Connection) -> UserV1:
        return UserV1.of(usecases.register(connection, wanted.user(), password_hash, context.now))

    return await context.transaction(keep)


@app.action("v1", "login", public=True, secret=True, errors=(Unauthenticated, RateLimited))
async def login(context: TaskContext, given: Login) -> Token:
    """Return a token to a user who knows the password.

    For every email the same statements and one hash run, so that neither the text nor the time tells which emails are
    known.
    """
    services = context.services
    with services.passwords.place() as place:
        account = await _account(context, given.email)
        known = await context.transaction(usecases.begin_login, account, given.email, context.now)
        matches = await place.verify(known.password_hash if known else None, given.password)
    if not known or not matches:
        raise Unauthenticated("Incorrect email or password")
    await context.transaction(usecases.end_login, account)
    roles = CONSOLE_ROLES if known.is_admin else ()
    return Token(services.keyring.issue(str(known.user_id), services.token_lifetime, roles=roles))


async def _account(context: TaskContext, email: str) -> bytes:
    """Return the digest of the email for which failures of this login are counted.

    A caller who sends a valid token of the account is counted separately, so that nobody else's guesses lock out a user
    who renews a token.
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
