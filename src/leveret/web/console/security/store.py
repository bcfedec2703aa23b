"""Accounts, sessions and failed sign-ins in a database. Its methods block, and may be called in any thread."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, cast

import sqlalchemy as sa
from msgspec import Struct

from leveret.errors import StorageUnavailable
from leveret.sql import create_engine
from leveret.web.console.security.attempts import FORGOTTEN_AFTER, pause_after
from leveret.web.console.security.roles import Role, Visitor
from leveret.web.console.security.tables import failures, metadata, sessions, users

IDLE: Final = 3600.0
"""Seconds without a request after which a session ends."""

ABSOLUTE: Final = 12 * 3600.0
"""Seconds after which a session ends in any case."""

_NOTED: Final = 60.0
"""Seconds between two notes that a session is in use, so that a live page does not write all the time."""


class ConsoleUser(Struct, frozen=True):
    """An account of the console's own."""

    name: str
    role: Role


class SignInAttempt(Struct, frozen=True):
    """An attempt to sign in.

    Attributes:
        wait: seconds until it is allowed; then nothing was counted. 0 if it is allowed now.
        before: for each of what it was counted for, when the failure before it was, POSIX seconds.
    """

    wait: float
    before: Mapping[str, float]


class ConsoleStore:
    """What the console keeps of people.

    Args:
        url: SQLAlchemy URL; tables that are missing are made when it is used first.
        clock: POSIX time in seconds.

    Raises:
        ValueError: the URL cannot be used.
    """

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._engine = create_engine(url)

    def prepare(self) -> None:
        """Make the tables that are missing.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        with self._begin() as connection:
            metadata.create_all(connection)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def trouble(self) -> list[str]:
        """Return why nobody can sign in at present, one sentence; nothing if people can."""
        try:
            with self._begin(writes=False) as connection:
                connection.execute(sa.select(1))
        except StorageUnavailable as error:
            return [str(error)]
        return []

    def add_user(self, name: str, role: Role, password_hash: str) -> bool:
        """Make an account, or give an account another role and password; its sessions end. Return whether it is new."""
        with self._begin() as connection:
            gone = connection.execute(users.delete().where(users.c.name == name)).rowcount
            connection.execute(sessions.delete().where(sessions.c.name == name, sessions.c.own))
            row = {"name": name, "role": role, "password_hash": password_hash, "made_at": self.clock()}
            connection.execute(users.insert(), [row])
            return not gone

    def remove_user(self, name: str) -> bool:
        """Remove an account and its sessions; return whether there was one."""
        with self._begin() as connection:
            connection.execute(sessions.delete().where(sessions.c.name == name, sessions.c.own))
            return bool(connection.execute(users.delete().where(users.c.name == name)).rowcount)

    def list_users(self) -> list[ConsoleUser]:
        """Return all accounts by name."""
        with self._begin(writes=False) as connection:
            rows = connection.execute(sa.select(users.c.name, users.c.role).order_by(users.c.name))
            return [ConsoleUser(row.name, cast("Role", row.role)) for row in rows]

    def password_of(self, name: str) -> tuple[str, Role] | None:
        """Return the hash and the role of an account; None if there is none of this name."""
        with self._begin(writes=False) as connection:
            row = connection.execute(sa.select(users).where(users.c.name == name)).one_or_none()
            return None if row is None else (row.password_hash, cast("Role", row.role))

    def begin_session(self, name: str, role: Role, *, own: bool, until: float | None = None) -> str:
        """Begin a session, and return its token: 256 random bits, of which only a digest is kept.

        Args:
            name: who it is.
            role: what this person may do.
            own: the person has an account in this database, whose present role counts.
            until: POSIX time at which it ends, if that is before the usual end.
        """
        token, now = secrets.token_urlsafe(32), self.clock()
        row = {
            "digest": digest_of(token),
            "name": name,
            "role": role,
            "own": own,
            "seen_at": now,
            "ends_at": min(now + ABSOLUTE, until or now + ABSOLUTE),
        }
        with self._begin() as connection:
            connection.execute(sessions.delete().where(self._is_over(now)))
            connection.execute(sessions.insert(), [row])
        return token

    def find_session(self, token: str, *, used: bool = True) -> Visitor | None:
        """Return the person whose session has this token; None if it is none, is over, or was ended.

        Args:
            token: the session's.
            used: whether this counts as a use of the session, which keeps it from ending.
        """
        now, digest = self.clock(), digest_of(token)
        found = sa.select(sessions, users.c.role.label("present")).select_from(
            sessions.outerjoin(users, users.c.name == sessions.c.name)
        )
        with self._begin(writes=False) as connection:
            query = found.where(sessions.c.digest == digest, ~self._is_over(now))
            row = connection.execute(query).one_or_none()
        if row is None or (row.own and row.present is None):
            return None
        if used and now - row.seen_at > _NOTED:
            with self._begin() as connection:
                connection.execute(sessions.update().where(sessions.c.digest == digest).values(seen_at=now))
        role = cast("Role", row.present if row.own else row.role)
        return Visitor(name=row.name, role=role, session=digest, ends_at=row.ends_at)

    def end_session(self, digest: bytes) -> None:
        """End a session."""
        with self._begin() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == digest))

    def end_sessions_of(self, name: str) -> int:
        """End all sessions of a person, and return how many they were."""
        with self._begin() as connection:
            return connection.execute(sessions.delete().where(sessions.c.name == name)).rowcount

    def begin_attempt(self, who: Mapping[str, int]) -> SignInAttempt:
        """Count a failed sign-in before it is checked, so that simultaneous guesses are counted too.

        Args:
            who: what failures are counted for, such as a name or an address, and how many of them cost nothing.
        """
        now, free = self.clock(), {digest_of(each): count for each, count in who.items()}
        digests = list(free)
        with self._begin() as connection:
            connection.execute(failures.delete().where(failures.c.last_at < now - FORGOTTEN_AFTER))
            rows = connection.execute(sa.select(failures).where(failures.c.who.in_(digests))).all()
            counts = {row.who: row.failed for row in rows}
            wait = max((row.last_at + pause_after(row.failed, free[row.who]) - now for row in rows), default=0.0)
            if wait > 0:
                return SignInAttempt(wait, {})
            connection.execute(failures.delete().where(failures.c.who.in_(digests)))
            new = [{"who": each, "failed": counts.get(each, 0) + 1, "last_at": now} for each in digests]
            connection.execute(failures.insert(), new)
        before = {row.who: row.last_at for row in rows}
        return SignInAttempt(0.0, {each: before.get(digest_of(each), now) for each in who})

    def succeed(self, attempt: SignInAttempt, own: str, shared: str) -> None:
        """Forget the failed sign-ins of somebody who is in now, and nobody else's.

        What is counted for an address, which others share, loses only those of this person at this address. Otherwise
        whoever has one account could guess the passwords of others without a pause.

        Args:
            attempt: the one that has succeeded.
            own: what counts the failures of this person at this address; only this attempt where nothing does.
            shared: what counts the failures of everybody at this address.
        """
        theirs = sa.select(failures.c.failed).where(failures.c.who == digest_of(own))
        with self._begin() as connection:
            count = connection.scalar(theirs) or 1
            others = {"failed": failures.c.failed - count, "last_at": attempt.before.get(shared, self.clock())}
            connection.execute(failures.update().where(failures.c.who == digest_of(shared)).values(others))
            gone = [digest_of(each) for each in attempt.before if each != shared]
            connection.execute(failures.delete().where(sa.or_(failures.c.who.in_(gone), failures.c.failed <= 0)))

    def _is_over(self, now: float) -> sa.ColumnElement[bool]:
        return sa.or_(sessions.c.ends_at <= now, sessions.c.seen_at <= now - IDLE)

    @contextmanager
    def _begin(self, *, writes: bool = True) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect().execution_options(writes=writes) as connection, connection.begin():
                yield connection
        except sa.exc.SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StorageUnavailable(f"the console's own database does not answer: {cause}") from error


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
