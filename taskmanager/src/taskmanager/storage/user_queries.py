"""Queries about users."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Final

import sqlalchemy as sa

from leveret.sql.upserts import insert_into
from taskmanager.domain import Credentials, NewUser, User
from taskmanager.storage.tables import users

_USER: Final = sa.select(users.c.id, users.c.email, users.c.full_name, users.c.is_admin)
_BY_ID: Final = _USER.where(users.c.id == sa.bindparam("user_id"))
_BY_EMAIL: Final = _USER.where(users.c.email == sa.bindparam("known_email"))
_CREDENTIALS: Final = sa.select(users.c.id, users.c.password_hash, users.c.is_admin).where(
    users.c.email == sa.bindparam("known_email")
)
_COUNT: Final = sa.select(sa.func.count()).select_from(users)
_SET_ADMIN: Final = users.update().where(users.c.id == sa.bindparam("user_id"))


@cache
def _add(dialect: str) -> sa.Executable:
    insert = insert_into(users, dialect).on_conflict_do_nothing(index_elements=["email"])
    return insert.returning(users.c.id)


def add_user(connection: sa.Connection, new: NewUser, password_hash: str, now: datetime) -> User | None:
    """Store a new user; None if the email is taken, also if a simultaneous transaction takes it."""
    values = {
        "email": new.email,
        "full_name": new.full_name,
        "password_hash": password_hash,
        "is_admin": False,
        "created_at": now,
    }
    user_id = connection.execute(_add(connection.dialect.name), values).scalar_one_or_none()
    return None if user_id is None else User(user_id, new.email, new.full_name)


def find_user(connection: sa.Connection, user_id: int) -> User | None:
    """Look a user up by id."""
    row = connection.execute(_BY_ID, {"user_id": user_id}).one_or_none()
    return User(*row) if row else None


def find_user_by_email(connection: sa.Connection, email: str) -> User | None:
    """Look a user up by an email in the form that is stored."""
    row = connection.execute(_BY_EMAIL, {"known_email": email}).one_or_none()
    return User(*row) if row else None


def find_credentials(connection: sa.Connection, email: str) -> Credentials | None:
    """Look up what a login with this email is checked against."""
    row = connection.execute(_CREDENTIALS, {"known_email": email}).one_or_none()
    return Credentials(*row) if row else None


def set_admin(connection: sa.Connection, user_id: int, *, is_admin: bool) -> None:
    """Set whether a user is an administrator."""
    connection.execute(_SET_ADMIN, {"user_id": user_id, "is_admin": is_admin})


def count_users(connection: sa.Connection) -> int:
    """Count all users."""
    return int(connection.execute(_COUNT).scalar_one())
