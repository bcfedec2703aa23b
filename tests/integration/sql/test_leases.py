"""What the store promises about leases, on both engines; the clock is the database's own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa

from leveret.sql import Store
from testbed.waiting import wait_until

HOUR = timedelta(hours=1)


def test_shares_of_one_window_follow_each_other_and_each_principal_has_its_own(store: Store) -> None:
    first = store.lease({"7": 5, "8": 3}, HOUR)
    second = store.lease({"7": 4}, HOUR)
    assert [first["7"].taken, first["8"].taken, second["7"].taken] == [5, 3, 9]
    assert first["7"].window == second["7"].window
    assert 0 < second["7"].seconds <= first["7"].seconds <= 3600


def test_a_new_window_begins_with_the_first_lease_after_the_end_of_the_last(store: Store) -> None:
    window = timedelta(milliseconds=200)
    first = store.lease({"7": 50}, window)["7"]
    wait_until(lambda: store.lease({"7": 1}, window)["7"].taken == 1, "a new window")
    assert store.lease({"7": 1}, HOUR)["7"].window > first.window


def test_leases_that_are_taken_at_the_same_time_never_overlap(new_store: Callable[[], Store]) -> None:
    names = ["a", "b", "c"]

    def take(order: int) -> list[tuple[str, int]]:
        store, taken = new_store(), []
        for _ in range(20):
            shares = dict.fromkeys(names[order:] + names[:order], 2)
            taken += [(name, lease.taken) for name, lease in store.lease(shares, HOUR).items()]
        return taken

    with ThreadPoolExecutor(3) as pool:
        found = [pair for pairs in pool.map(take, range(3)) for pair in pairs]
    assert sorted(found) == [(name, taken) for name in names for taken in range(2, 121, 2)]


def test_a_lease_is_one_statement_for_each_principal_and_one_commit_for_all(store: Store, engine: sa.Engine) -> None:
    store.lease({"7": 1}, HOUR)
    statements: list[str] = []
    commits: list[object] = []
    sa.event.listen(
        engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: statements.append(statement)
    )
    sa.event.listen(engine, "commit", commits.append)
    store.lease({"7": 1, "8": 1, "9": 1}, HOUR)
    assert [text for text in statements if not text.startswith("BEGIN")] == [statements[-1]] * 3
    assert len(commits) == 1


def test_windows_that_are_over_are_cleaned_up_and_one_that_runs_is_not(store: Store, engine: sa.Engine) -> None:
    store.lease({"over": 1}, timedelta(milliseconds=1))
    store.lease({"runs": 1}, HOUR)
    store.forget_answers(-timedelta(seconds=10), most=10)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT principal FROM rate_windows")).scalars().all() == ["runs"]
