"""Jobs for the inbox: each leaves one user as its effect, so that effects can be counted."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from leveret.inbox.batch import Job, Result, run_batch
from leveret.inbox.journal import Journal
from leveret.sql import Store
from leveret.sql.records import Key
from leveret.wire.codec import ok
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
    """Make a job; without a function of its own it leaves a user that is named after the request."""
    run = run or leave(request_id)
    return Job(Key(principal, request_id), fingerprint, "v1", "leave", stores, run, journal, reads=not stores)


def results_of(store: Store, jobs: Sequence[Job], journal: Journal | None = None) -> list[Result]:
    """Run a batch to its end; the results are in the order of the jobs."""
    found = {id(job): result for part in run_batch(store, jobs, journal or Journal()) for job, result in part}
    return [found[id(job)] for job in jobs]


def leave(name: str, *, then: Callable[[sa.Connection], object] = lambda _: None) -> Run:
    """Make a function that leaves an effect, does something more, and answers differently each time that it runs."""

    def run(connection: sa.Connection) -> bytes:
        add_effect(connection, name)
        then(connection)
        return ok(name, secrets.token_hex(8))

    return run


def add_effect(connection: sa.Connection, name: str) -> None:
    """Leave one effect; the same name may be left several times."""
    user_queries.add_user(connection, NewUser(f"{name}-{secrets.token_hex(4)}@example.com"), "hash", NOW)


def effects(engine: sa.Engine) -> list[str]:
    """Name the effects that are committed, in order."""
    with engine.connect() as connection:
        emails = connection.execute(sa.text("SELECT email FROM users")).scalars()
        return sorted(email.rpartition("-")[0] for email in emails)


def stored_ids(engine: sa.Engine) -> list[str]:
    """Name the requests whose responses are committed, in order."""
    with engine.connect() as connection:
        return sorted(connection.execute(sa.text("SELECT id FROM processed_requests")).scalars())


def count_commits(engine: sa.Engine) -> list[object]:
    """Begin to count; the list grows by one with each commit."""
    commits: list[object] = []
    sa.event.listen(engine, "commit", commits.append)
    return commits
