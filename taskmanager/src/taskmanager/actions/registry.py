"""The application, and the services that its actions use."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from leveret import App, Context, Keyring
from leveret.errors import Unauthenticated
from taskmanager import VERSION
from taskmanager.passwords import Passwords
from taskmanager.settings import Settings
from taskmanager.storage.schema import SCHEMA


@dataclass(frozen=True, slots=True)
class Services:
    """Services that actions use in addition to the database.

    Attributes:
        passwords: hashes and checks passwords.
        keyring: issues tokens.
        token_lifetime: how long a login lasts.
        allow_simulated_errors: whether a request may ask for a failure.
    """

    passwords: Passwords
    keyring: Keyring
    token_lifetime: timedelta
    allow_simulated_errors: bool = False


TaskContext = Context[Services]

app: Final = App[Services](
    "taskmanager",
    version=VERSION,
    queues="api",
    settings=Settings,
    tables=SCHEMA.tables,
    migrations=SCHEMA.migrations,
    command="taskmanager",
    events=True,
)


@app.lifespan
@asynccontextmanager
async def services(settings: Settings, keyring: Keyring) -> AsyncIterator[Services]:
    """Make the services that the actions use, and close them when the worker stops."""
    passwords = Passwords()
    try:
        yield Services(passwords, keyring, settings.token_lifetime, settings.allow_simulated_errors)
    finally:
        passwords.close()


_ID: Final = re.compile("[1-9][0-9]{0,18}")
_LARGEST_ID: Final = 2**63 - 1
"""Largest id that the tables can hold."""


def caller(context: TaskContext) -> int:
    """Return the id of the user who calls: the token's ``sub`` is the id in decimal digits, without leading zeros.

    Other forms of the number are refused. They would be other principals, each with a rate limit and stored responses
    of its own, but with the tasks of the same user.

    Raises:
        Unauthenticated: the subject is not a user's id.
    """
    subject = context.principal.subject
    if not (_ID.fullmatch(subject) and (number := int(subject)) <= _LARGEST_ID):
        raise Unauthenticated("This token names no user")
    return number
