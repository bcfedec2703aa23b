"""Two workers at the same database at the same time."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from leveret.errors import Conflict
from leveret.inbox.batch import AnsweredJob, Inbox, Job, Result
from leveret.inbox.journal import Journal
from leveret.sql import Store
from support.jobs import OTHER, add_effect, effects, job, leave, results_of, stored_ids
from support.responses import ok

Stores = Callable[[], Store]
LIMIT = 20.0


def at_once(new_store: Stores, *batches: Sequence[Job]) -> list[list[Result]]:
    stores = [new_store() for _ in batches]
    with ThreadPoolExecutor(len(batches)) as pool:
        running = [pool.submit(results_of, store, batch) for store, batch in zip(stores, batches, strict=True)]
        return [future.result(LIMIT) for future in running]


class Meeting:
    """Lets both workers go on only when both have looked their keys up; each run after that does not wait.

    On SQLite the second worker cannot even begin before the first one is done, so nobody waits for anybody.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.runs = 0
        self._barrier = threading.Barrier(2) if engine.dialect.name == "postgresql" else None
        self._met: set[int] = set()

    def __call__(self, _connection: sa.Connection) -> None:
        self.runs += 1
        if self._barrier and threading.get_ident() not in self._met:
            self._met.add(threading.get_ident())
            self._barrier.wait(LIMIT)


@pytest.mark.parametrize("neighbours", [0, 2])
def test_the_same_key_in_two_workers_has_one_effect_and_the_loser_answers_from_the_row(
    engine: sa.Engine, new_store: Stores, neighbours: int
) -> None:
    meeting = Meeting(engine)

    def batch(worker: str) -> list[Job]:
        others = [job(f"{worker}{number}") for number in range(neighbours)]
        return [*others, job("same", leave("same", then=meeting))]

    results = [batch[-1] for batch in at_once(new_store, batch("a"), batch("b"))]
    first, second = sorted(results, key=lambda result: isinstance(result, AnsweredJob) and result.replayed)
    assert isinstance(first, AnsweredJob)
    assert not first.replayed
    assert second == AnsweredJob(first.response, replayed=True)
    assert meeting.runs == (2 if engine.dialect.name == "postgresql" else 1)
    others = sorted(f"{worker}{number}" for worker in "ab" for number in range(neighbours))
    assert effects(engine) == stored_ids(engine) == [*others, "same"]


def test_the_same_key_with_two_payloads_has_one_effect_and_the_loser_is_told(
    engine: sa.Engine, new_store: Stores
) -> None:
    meeting = Meeting(engine)
    mine = job("same", leave("same", then=meeting))
    theirs = job("same", leave("same", then=meeting), fingerprint=OTHER)
    codes = [result.code for batch in at_once(new_store, [mine], [theirs]) for result in batch]  # type: ignore[union-attr]  # a failure fails the test too
    assert sorted(codes, key=str) == [None, "id_reused"]
    assert effects(engine) == ["same"]


def test_the_same_refusal_in_two_workers_is_stored_once(engine: sa.Engine, new_store: Stores) -> None:
    meeting = Meeting(engine)

    def refuse(connection: sa.Connection) -> bytes:
        meeting(connection)
        raise Conflict("taken")

    first, second = at_once(new_store, [job("same", refuse)], [job("same", refuse)])
    assert isinstance(first[0], AnsweredJob)
    assert isinstance(second[0], AnsweredJob)
    assert first[0].response == second[0].response
    assert stored_ids(engine) == ["same"]


def test_batches_that_share_several_keys_in_opposite_order_do_not_deadlock(
    engine: sa.Engine, new_store: Stores
) -> None:
    meeting = Meeting(engine)
    keys = [f"k{number}" for number in range(30)]

    def batch(names: list[str]) -> list[Job]:
        return [job(names[0], leave(names[0], then=meeting)), *(job(name) for name in names[1:])]

    results = at_once(new_store, batch(keys), batch(keys[::-1]))
    assert all(isinstance(result, AnsweredJob) for batch in results for result in batch)
    assert effects(engine) == stored_ids(engine) == sorted(keys)


def test_two_batches_that_deadlock_keep_every_effect_exactly_once(engine: sa.Engine, new_store: Stores) -> None:
    """Each locks a row and then wants the other's: PostgreSQL ends one of them, whose requests run one by one."""
    results_of(new_store(), [job("x", leave_counter("x")), job("y", leave_counter("y"))])
    meeting = Meeting(engine)
    forth = [job("ax", count("x", then=meeting)), job("ay", count("y"))]
    back = [job("by", count("y", then=meeting)), job("bx", count("x"))]
    results = at_once(new_store, forth, back)
    assert all(isinstance(result, AnsweredJob) for batch in results for result in batch)
    with engine.connect() as connection:
        names = connection.execute(sa.text("SELECT full_name FROM users")).scalars().all()
    assert names == ["++", "++"]
    assert stored_ids(engine) == ["ax", "ay", "bx", "by", "x", "y"]


def leave_counter(name: str) -> Callable[[sa.Connection], bytes]:
    def run(connection: sa.Connection) -> bytes:
        add_effect(connection, name)
        connection.execute(sa.text("UPDATE users SET full_name = '' WHERE full_name IS NULL"))
        return ok(name, None)

    return run


def count(name: str, *, then: Callable[[sa.Connection], None] = lambda _: None) -> Callable[[sa.Connection], bytes]:
    query = sa.text("UPDATE users SET full_name = full_name || '+' WHERE email LIKE :name")

    def run(connection: sa.Connection) -> bytes:
        connection.execute(query, {"name": f"{name}-%"})
        then(connection)
        return ok(name, None)

    return run


def test_many_workers_with_the_same_keys_leave_each_effect_once(engine: sa.Engine, new_store: Stores) -> None:
    keys = [f"k{number}" for number in range(25)]
    batches = [[job(key) for key in keys[start:] + keys[:start]] for start in (0, 5, 10, 20)]
    results = at_once(new_store, *batches)
    answers = {result.response for batch in results for result in batch if isinstance(result, AnsweredJob)}
    assert len(answers) == len(keys)
    assert effects(engine) == sorted(keys)
    assert isinstance(Inbox(new_store(), Journal()).run_alone(job("k0")), AnsweredJob)
