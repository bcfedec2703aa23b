"""Use cases of the Task Manager: functions that take a connection, never commit, and raise leveret's errors.

Each of them reads before it writes, because an error before the first write costs the other requests of a batch
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

import sqlalchemy as sa

from leveret.errors import Conflict, InvalidRequest, NotFound, RateLimited, Unauthenticated
from leveret.sql.constraints import breaks_foreign_key
from taskmanager.domain import (
    Credentials,
    NewTask,
    NewUser,
    Task,
    TaskChanges,
    TaskFigures,
    TaskPage,
    User,
    login_lock,
    rules,
)
from taskmanager.storage import login_queries, task_queries, user_queries


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of a user's tasks, for which ``users`` is None; or of everything, for an administrator."""

    users: int | None
    tasks: TaskFigures


def register(connection: sa.Connection, new: NewUser, password_hash: str, now: datetime) -> User:
    """Store a new user.

    Raises:
        Conflict: there is a user with this email.
    """
    known = _find_user(connection, new.email, new.former_email)
    user = None if known else user_queries.add_user(connection, new, password_hash, now)
    if user is None:
        raise Conflict("User already exists")
    return user


def credentials(connection: sa.Connection, email: str) -> Credentials | None:
    """Return what a login with this email is checked against; None if nobody has it, or if the text is not an email."""
    try:
        forms = {rules.email(email): None, rules.former_email(email): None}
    except rules.BrokenRule:
        return None
    # all forms are looked up, whichever is known, so that the time is the same
    found = [user_queries.find_credentials(connection, form) for form in forms]
    return next(filter(None, found), None)


def begin_login(connection: sa.Connection, account: bytes, email: str, now: datetime) -> Credentials | None:
    """Count a login as failed before it is checked, so that simultaneous guesses are counted too.

    Known emails, unknown emails and texts that are not emails are treated alike. After a successful login, `end_login`
    removes the count.

    Args:
        connection: connection in a transaction that has not written yet.
        account: digest of the email; see ``account_name``.
        email: the email as the caller wrote it.
        now: the current time.

    Returns:
        What the login is checked against; see `credentials`.

    Raises:
        RateLimited: the account is locked; the login was not counted.
    """
    failures = login_queries.count_failure(connection, account, now)
    if failures is None:
        until = login_queries.locked_until(connection, account) or now
        seconds = max((until - now).total_seconds(), 0.001)
        raise RateLimited(
            f"Too many failed logins for this email; ask again in {seconds:g} s", details={"retry_after": seconds}
        )
    if pause := login_lock.lock_after(failures):
        login_queries.lock(connection, account, now + pause)
    return credentials(connection, email)


def end_login(connection: sa.Connection, account: bytes) -> None:
    """Forget the failed logins of an account, because a login has succeeded."""
    login_queries.clear_failures(connection, account)


def forget_failed_logins(connection: sa.Connection, now: datetime, most: int) -> int:
    """Remove up to ``most`` accounts whose last failed login was long ago; return how many were removed."""
    return login_queries.forget_failures(
        connection,
        login_lock.FREE_FAILURES,
        now - login_lock.FEW_FORGOTTEN_AFTER,
        now - login_lock.MANY_FORGOTTEN_AFTER,
        most,
    )


def account_name(email: str) -> str:
    """Return the name that failed logins are counted for: the email as it is stored, or a text that is not an email."""
    try:
        return rules.email(email)
    except rules.BrokenRule:
        return email.strip().lower()


def create_task(connection: sa.Connection, owner_id: int, new: NewTask, now: datetime) -> Task:
    """Store a new task of this owner.

    Raises:
        Unauthenticated: there is no such user: the token comes from another database, or the user was removed.
    """
    try:
        return task_queries.add_task(connection, owner_id, new, now)
    except sa.exc.IntegrityError as error:
        if not breaks_foreign_key(error, task_queries.OWNER_KEY):
            raise
        raise Unauthenticated("The user of this token does not exist") from error


def get_task(connection: sa.Connection, owner_id: int, task_id: int) -> Task:
    """Return a task.

    Raises:
        NotFound: there is no such task, or it is somebody else's.
    """
    task = task_queries.find_task(connection, owner_id, task_id)
    if task is None:
        raise NotFound("Task not found")
    return task


def list_tasks(connection: sa.Connection, owner_id: int, page: TaskPage) -> list[Task]:
    """Return a page of this owner's tasks, newest first."""
    return task_queries.list_tasks(connection, owner_id, page)


def update_task(
    connection: sa.Connection,
    owner_id: int,
    task_id: int,
    changes: TaskChanges,
    now: datetime,
    *,
    expected: int | None = None,
) -> Task:
    """Change some fields of a task; without changes the task stays as it is, including ``updated_at``.

    Args:
        connection: of the transaction.
        owner_id: whose task it is.
        task_id: which task.
        changes: the new values.
        now: when it is changed.
        expected: the version that the caller has read; None for any.

    Raises:
        NotFound: there is no such task, or it is somebody else's.
        Conflict: the task has another version.
    """
    task = _expected(get_task(connection, owner_id, task_id), expected)
    if not changes:
        return task
    changed = task_queries.change_task(connection, owner_id, task_id, changes, now, expected=expected)
    return changed or _overtaken(connection, owner_id, task_id, expected)


def delete_task(connection: sa.Connection, owner_id: int, task_id: int, *, expected: int | None = None) -> None:
    """Remove a task.

    Args:
        connection: of the transaction.
        owner_id: whose task it is.
        task_id: which task.
        expected: the version that the caller has read; None for any.

    Raises:
        NotFound: there is no such task, or it is somebody else's.
        Conflict: the task has another version.
    """
    _expected(get_task(connection, owner_id, task_id), expected)
    if not task_queries.remove_task(connection, owner_id, task_id, expected=expected):
        _overtaken(connection, owner_id, task_id, expected)


def _expected(task: Task, expected: int | None) -> Task:
    """Return a task if it has the version that the caller has read.

    Raises:
        Conflict: it has another one.
    """
    if expected is not None and task.version != expected:
        raise Conflict(
            f"The task has version {task.version}, not {expected}: it was changed meanwhile",
            details={"version": task.version, "expected_version": expected},
        )
    return task


def _overtaken(connection: sa.Connection, owner_id: int, task_id: int, expected: int | None) -> NoReturn:
    """Say what became of a task between being read and being written.

    Raises:
        NotFound: it was removed.
        Conflict: it was changed.
    """
    _expected(get_task(connection, owner_id, task_id), expected)
    raise NotFound("Task not found")


def figures(connection: sa.Connection, user_id: int) -> Figures:
    """Count a user's own tasks; for an administrator, count all users and all tasks."""
    user = user_queries.find_user(connection, user_id)
    if user and user.is_admin:
        return Figures(user_queries.count_users(connection), task_queries.figures(connection, None))
    return Figures(None, task_queries.figures(connection, user_id))


def grant_admin(connection: sa.Connection, email: str) -> User:
    """Make a user an administrator.

    Raises:
        NotFound: nobody has this email.
        InvalidRequest: the text is not an email.
    """
    return _set_admin(connection, email, is_admin=True)


def revoke_admin(connection: sa.Connection, email: str) -> User:
    """Take the administrator's rights from a user.

    Raises:
        NotFound: nobody has this email.
        InvalidRequest: the text is not an email.
    """
    return _set_admin(connection, email, is_admin=False)


def _set_admin(connection: sa.Connection, email: str, *, is_admin: bool) -> User:
    try:
        user = _find_user(connection, rules.email(email), rules.former_email(email))
    except rules.BrokenRule as error:
        raise InvalidRequest(str(error)) from error
    if user is None:
        raise NotFound(f"No user has the email {email}")
    user_queries.set_admin(connection, user.id, is_admin=is_admin)
    return User(user.id, user.email, user.full_name, is_admin)


def _find_user(connection: sa.Connection, *emails: str) -> User | None:
    """Look a user up by an email in the present and in the former form; mostly both are the same."""
    found = (user_queries.find_user_by_email(connection, email) for email in dict.fromkeys(emails))
    return next(filter(None, found), None)
