"""Jobs for the inbox, each of which adds one user as its effect, so that effects can be counted."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from leveret.inbox.batch import Inbox, Job, Part, Result
from leveret.inbox.journal import Journal
from leveret.sql import Store
from leveret.sql.records import RequestKey
from support.responses import ok
from taskmanager.domain import NewUser
from taskmanager.storage import user_queries

NOW = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
SAME = b"f" * 16
OTHER = b"o" * 16

Run = Callable[[sa.Connection], bytes]


def job(
    request_id: str,
    run: Run | None = None,
    *,
    principal: str = "1",
    fingerprint: bytes = SAME,
    stores: bool = True,
    journal: bool = False,
) -> Job:
    """Make a job; by default it adds a user named after the request."""
    run = run or leave(request_id)
    return Job(RequestKey(principal, request_id), fingerprint, "v1", "leave", stores, run, journal, reads=not stores)


def results_of(store: Store, jobs: Sequence[Job], journal: Journal | None = None) -> list[Result]:
    """Run a batch to its end; return the results in the order of the jobs."""
    found: dict[int, Result] = {}

    def keep(part: Part) -> bool:
        found.update((id(job), result) for job, result in part)
        return True

    Inbox(store, journal or Journal()).run_batch(jobs, keep)
    return [found[id(job)] for job in jobs]


def leave(name: str, *, then: Callable[[sa.Connection], object] = lambda _: None) -> Run:
    """Return a function that adds an effect, does something more, and returns a different response each time."""

    def run(connection: sa.Connection) -> bytes:
        add_effect(connection, name)
        then(connection)
        return ok(name, secrets.token_hex(8))

    return run


def add_effect(connection: sa.Connection, name: str) -> None:
    """Add one effect; the same name may be added several times."""
    user_queries.add_user(connection, NewUser(f"{name}-{secrets.token_hex(4)}@example.com"), "hash", NOW)


def effects(engine: sa.Engine) -> list[str]:
    """Return the names of the committed effects, in order."""
    with engine.connect() as connection:
        emails = connection.execute(sa.text("SELECT email FROM users")).scalars()
        return sorted(email.rpartition("-")[0] for email in emails)


def stored_ids(engine: sa.Engine) -> list[str]:
    """Return the ids of the requests whose responses are committed, in order."""
    with engine.connect() as connection:
        return sorted(connection.execute(sa.text("SELECT id FROM processed_requests")).scalars())


def count_commits(engine: sa.Engine) -> list[object]:
    """Return a list that grows by one with each commit from now on."""
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    return commits
