"""The crash journal when it cannot be written itself: that costs one request its turn, and nobody an answer."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.errors import Conflict, StorageBusy, StorageUnavailable
from leveret.inbox.batch import AnsweredJob, FailedJob
from leveret.inbox.journal import Journal
from leveret.sql import Store
from leveret.sql.records import RequestKey
from support.jobs import effects, job, leave, results_of, stored_ids


def fail_at(engine: sa.Engine, beginning: str, name: str, error: Exception, *, passing: int = 0) -> Callable[[], None]:
    """Have statements that begin so and concern a request fail, all but the first ones; what is given ends that."""
    passes = iter(range(passing))

    def look(_connection: object, _cursor: object, statement: str, parameters: Any, *_others: object) -> None:
        values = parameters.values() if isinstance(parameters, dict) else parameters
        concerned = any(str(value).startswith(name) for value in values)
        if statement.startswith(beginning) and concerned and next(passes, None) is None:
            raise error

    sa.event.listen(engine, "before_cursor_execute", look)
    return lambda: sa.event.remove(engine, "before_cursor_execute", look)


def deaths(store: Store) -> int | None:
    return Journal().deaths(store, [RequestKey("1", "bad")]).get(RequestKey("1", "bad"))


def refuse(_connection: sa.Connection) -> bytes:
    raise Conflict("not like this")


def exit_late(connection: sa.Connection) -> bytes:
    leave("bad")(connection)
    raise SystemExit(3)


def test_an_error_of_the_journal_is_that_requests_alone(engine: sa.Engine, store: Store) -> None:
    fail_at(engine, "INSERT INTO crash_journal", "bad", StorageBusy("locked"))
    jobs = [job("r1"), job("r2", journal=True), job("bad", journal=True), job("r3", journal=True)]
    results = results_of(store, jobs)
    assert [type(result) for result in results] == [AnsweredJob, AnsweredJob, FailedJob, AnsweredJob]
    assert effects(engine) == stored_ids(engine) == ["r1", "r2", "r3"]


def test_an_attempt_that_could_not_be_counted_leaves_earlier_deaths_as_they_are(
    engine: sa.Engine, store: Store
) -> None:
    Journal().begin(store, [RequestKey("1", "bad")])
    go_on, journal = fail_at(engine, "INSERT INTO crash_journal", "bad", StorageUnavailable("gone")), Journal()
    (result,) = results_of(store, [job("bad", journal=True)], journal)
    go_on()
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageUnavailable)
    journal.catch_up(store)
    assert deaths(store) == 1


def test_an_attempt_that_an_outage_ended_after_it_was_recorded_is_voided(engine: sa.Engine, store: Store) -> None:
    def gone(_connection: sa.Connection) -> None:
        raise StorageUnavailable("gone")

    journal = Journal()
    journal.begin(store, [RequestKey("1", "bad")])
    fail_at(engine, "INSERT INTO processed_requests", " ping", StorageUnavailable("gone"))
    (result,) = results_of(store, [job("bad", leave("bad", then=gone), journal=True)], journal)
    assert isinstance(result, FailedJob)
    assert deaths(store) == 2
    journal.catch_up(store)
    assert deaths(store) == 1, "the death before it stays"


def test_what_cannot_be_voided_is_voided_later_and_once(engine: sa.Engine, store: Store) -> None:
    journal, key = Journal(), RequestKey("1", "bad")
    for _ in range(3):
        journal.begin(store, [key])
    journal.void([key, key])
    go_on = fail_at(engine, "UPDATE crash_journal", "bad", StorageBusy("locked"))
    with pytest.raises(StorageBusy):
        journal.catch_up(store)
    go_on()
    assert deaths(store) == 3
    for _ in range(2):
        journal.catch_up(store)
        assert deaths(store) == 1


@pytest.mark.parametrize("error", [StorageBusy("locked"), StorageUnavailable("gone")])
@pytest.mark.parametrize("refused", [True, False])
def test_a_result_stands_although_its_entry_could_not_be_removed(
    engine: sa.Engine, store: Store, error: Exception, *, refused: bool
) -> None:
    def fail(_connection: sa.Connection) -> bytes:
        raise RuntimeError("unforeseen")

    journal = Journal()
    end = fail_at(engine, "DELETE FROM crash_journal", "bad", error, passing=1)  # the attempt's own, rolled back
    (result,) = results_of(store, [job("bad", refuse if refused else fail, journal=True, stores=False)], journal)
    end()
    if refused:
        assert isinstance(result, AnsweredJob)
        assert result.code == "conflict"
    else:
        assert isinstance(result, FailedJob)
        assert isinstance(result.error, RuntimeError)
    assert deaths(store) == 1
    journal.catch_up(store)
    assert not deaths(store)


@pytest.mark.parametrize("journal", [False, True])
def test_an_action_that_wants_to_exit_costs_its_neighbours_nothing(
    engine: sa.Engine, store: Store, *, journal: bool
) -> None:
    results = results_of(store, [job("r1"), job("bad", exit_late, journal=journal), job("r2"), job("r3", journal=True)])
    assert [type(result) for result in results] == [AnsweredJob, FailedJob, AnsweredJob, AnsweredJob]
    assert effects(engine) == stored_ids(engine) == ["r1", "r2", "r3"]
    assert deaths(store) is None
