"""Users of the application and their tokens, made directly in the database, because registrations take long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from leveret.application.database import build_engine
from taskmanager.actions import app
from taskmanager.domain import NewUser
from taskmanager.settings import Settings
from taskmanager.storage import user_queries


def enrol(settings: Settings, count: int) -> dict[int, str]:
    """Make ``count`` users in a database with current tables; return a token of each by the user's id.

    Raises:
        RuntimeError: the users exist already.
    """
    engine, keyring = build_engine(settings), app.keyring(settings)
    tokens = {}
    with engine.begin() as connection:
        for number in range(count):
            new = NewUser(f"load{number}@example.com", f"Load {number}")
            user = user_queries.add_user(connection, new, "no password fits this", datetime.now(UTC))
            if user is None:
                raise RuntimeError(f"there is a user {new.email} already: a database without users is needed")
            tokens[user.id] = keyring.issue(str(user.id), timedelta(hours=12))
    engine.dispose()
    return tokens
