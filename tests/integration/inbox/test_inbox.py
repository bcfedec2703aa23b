"""The inbox on a real store: one effect and one answer for each request, whatever happens around it."""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from leveret.errors import Conflict, StorageFailed, StorageUnavailable, TemporaryError
from leveret.inbox.batch import AnsweredJob, DeadlyJob, FailedJob
from leveret.inbox.journal import MOST_DEATHS, Journal
from leveret.retry import describe
from leveret.sql import Store, create_engine
from leveret.sql.records import RequestKey
from leveret.sql.tables import processed_requests
from leveret.wire.codec import decode_reply
from support.jobs import OTHER, add_effect, count_commits, effects, job, leave, results_of, stored_ids


def refuse(_connection: sa.Connection) -> bytes:
    raise Conflict("not like this")


def fail(_connection: sa.Connection) -> bytes:
    raise RuntimeError("unforeseen")


def refuse_late(connection: sa.Connection) -> bytes:
    add_effect(connection, "refused")
    raise Conflict("not like this")


def fail_late(connection: sa.Connection) -> bytes:
    add_effect(connection, "failed")
    raise RuntimeError("unforeseen")


def text_of(result: object) -> str | None:
    assert isinstance(result, AnsweredJob)
    return decode_reply(result.response).error


def test_a_batch_is_one_commit(engine: sa.Engine, store: Store) -> None:
    commits = count_commits(engine)
    results = results_of(store, [job(f"r{number}") for number in range(20)])
    assert all(isinstance(result, AnsweredJob) and result.code is None for result in results)
    assert len(commits) == 1
    assert len(effects(engine)) == len(stored_ids(engine)) == 20


def test_a_known_id_is_answered_byte_for_byte_and_does_not_run(engine: sa.Engine, store: Store) -> None:
    [first] = results_of(store, [job("r1")])
    assert isinstance(first, AnsweredJob)
    again = results_of(store, [job("r1", fail), job("r2")])[0]
    alone = results_of(store, [job("r1", fail)])[0]
    assert again == alone == AnsweredJob(first.response, replayed=True)
    assert effects(engine) == ["r1", "r2"]


@pytest.mark.parametrize("response", [b'{"text":"\xc3\xa4 \xf0\x9f\x90\x87 \\u0000 \\" \\\\ "}', b" { } "])
def test_a_stored_response_keeps_every_byte(store: Store, response: bytes) -> None:
    results_of(store, [job("r1", lambda _: response)])
    assert results_of(store, [job("r1", fail)]) == [AnsweredJob(response, replayed=True)]


def test_the_same_id_twice_in_a_batch_runs_once(engine: sa.Engine, store: Store) -> None:
    first, other, second = results_of(store, [job("r1"), job("r2"), job("r1", fail)])
    assert isinstance(first, AnsweredJob)
    assert second == AnsweredJob(first.response, replayed=True)
    assert isinstance(other, AnsweredJob)
    assert effects(engine) == ["r1", "r2"]


@pytest.mark.parametrize("together", [True, False])
def test_a_known_id_with_another_payload_is_refused_and_the_first_answer_stays(
    engine: sa.Engine, store: Store, *, together: bool
) -> None:
    if together:
        first, reused = results_of(store, [job("r1"), job("r1", fingerprint=OTHER)])
    else:
        [first], [reused] = results_of(store, [job("r1")]), results_of(store, [job("r1", fingerprint=OTHER)])
    assert isinstance(first, AnsweredJob)
    assert isinstance(reused, AnsweredJob)
    assert (reused.code, reused.replayed) == ("id_reused", False)
    assert results_of(store, [job("r1", fail)]) == [AnsweredJob(first.response, replayed=True)]
    assert effects(engine) == ["r1"]


def test_another_callers_same_id_has_an_effect_and_an_answer_of_its_own(engine: sa.Engine, store: Store) -> None:
    mine, theirs = results_of(store, [job("r1"), job("r1", principal="2")])
    assert mine != theirs
    assert effects(engine) == ["r1", "r1"]
    [again] = results_of(store, [job("r1", principal="2")])
    assert isinstance(again, AnsweredJob)
    assert isinstance(theirs, AnsweredJob)
    assert again.response == theirs.response


def test_ids_that_look_alike_stay_apart(engine: sa.Engine, store: Store) -> None:
    ids = ["a", "A", "a'", 'a"', "a\\", "a]", "%", "_", "a b", "a" * 128]
    results_of(store, [job(request_id, leave(f"n{number}")) for number, request_id in enumerate(ids)])
    assert len(effects(engine)) == len(ids)
    replayed = results_of(store, [job(request_id, fail) for request_id in ids])
    assert all(isinstance(result, AnsweredJob) and result.replayed for result in replayed)


def test_a_refusal_before_writing_costs_the_batch_nothing(engine: sa.Engine, store: Store) -> None:
    commits = count_commits(engine)
    results = results_of(store, [job("r1"), job("bad", refuse), job("r2")])
    assert text_of(results[1]) == "not like this"
    assert len(commits) == 1
    assert effects(engine) == ["r1", "r2"]
    assert results_of(store, [job("bad", fail)])[0] == AnsweredJob(results[1].response, replayed=True)  # type: ignore[union-attr]  # text_of has looked


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_a_refusal_after_writing_leaves_the_others_their_effect_and_none_of_its_own(
    engine: sa.Engine, store: Store, bad: int
) -> None:
    jobs = [job("r1"), job("r2")]
    jobs.insert(bad, job("bad", refuse_late))
    refused = results_of(store, jobs)[bad]
    assert text_of(refused) == "not like this"
    assert effects(engine) == ["r1", "r2"]
    assert stored_ids(engine) == ["bad", "r1", "r2"]
    assert isinstance(refused, AnsweredJob)
    assert results_of(store, [job("bad")]) == [AnsweredJob(refused.response, replayed=True)]


@pytest.mark.parametrize("failing", [fail, fail_late])
def test_an_unforeseen_exception_is_that_requests_alone_and_stores_nothing(
    engine: sa.Engine, store: Store, failing: object
) -> None:
    results = results_of(store, [job("r1"), job("bad", failing), job("r2")])  # type: ignore[arg-type]  # one of the two above
    assert isinstance(results[1], FailedJob)
    assert str(results[1].error) == "unforeseen"
    assert effects(engine) == stored_ids(engine) == ["r1", "r2"]
    assert isinstance(results_of(store, [job("bad")])[0], AnsweredJob)


def test_a_statement_that_the_database_refuses_is_that_requests_alone(engine: sa.Engine, store: Store) -> None:
    def ask_nonsense(connection: sa.Connection) -> bytes:
        connection.execute(sa.text("SELECT nothing FROM nowhere"))
        raise AssertionError

    results = results_of(store, [job("r1"), job("bad", ask_nonsense), job("r2")])
    assert [type(result) for result in results] == [AnsweredJob, FailedJob, AnsweredJob]
    assert effects(engine) == stored_ids(engine) == ["r1", "r2"]


def test_an_action_that_hides_a_failed_statement_costs_its_neighbours_nothing(engine: sa.Engine, store: Store) -> None:
    """PostgreSQL refuses everything after a failed statement, SQLite does not."""

    def hide(connection: sa.Connection) -> bytes:
        with contextlib.suppress(sa.exc.DBAPIError):
            connection.execute(sa.text("SELECT nothing FROM nowhere"))
        return leave("hidden")(connection)

    results = results_of(store, [job("r1"), job("hidden", hide), job("r2")])
    if engine.dialect.name == "postgresql":
        assert [type(result) for result in results] == [AnsweredJob, FailedJob, AnsweredJob]
        assert effects(engine) == stored_ids(engine) == ["r1", "r2"]
    else:
        assert [type(result) for result in results] == [AnsweredJob, AnsweredJob, AnsweredJob]
        assert effects(engine) == stored_ids(engine) == ["hidden", "r1", "r2"]


def test_a_temporary_error_stores_nothing_so_that_a_retry_runs(engine: sa.Engine, store: Store) -> None:
    def not_now(_connection: sa.Connection) -> bytes:
        raise TemporaryError("not now")

    [result] = results_of(store, [job("r1", not_now)])
    assert isinstance(result, FailedJob)
    assert isinstance(results_of(store, [job("r1")])[0], AnsweredJob)
    assert effects(engine) == ["r1"]


def test_a_read_is_executed_again_and_leaves_no_row(engine: sa.Engine, store: Store) -> None:
    answers = iter([b"1", b"2", b"3"])
    results = [results_of(store, [job("r1", lambda _: next(answers), stores=False)]) for _ in range(3)]
    assert results == [[AnsweredJob(b"1")], [AnsweredJob(b"2")], [AnsweredJob(b"3")]]
    assert stored_ids(engine) == []


def test_the_third_death_gives_a_request_up(engine: sa.Engine, store: Store) -> None:
    for _ in range(MOST_DEATHS):
        Journal().begin(store, [RequestKey("1", "r1")])
    assert results_of(store, [job("r1", journal=True)]) == [DeadlyJob(MOST_DEATHS)]
    assert effects(engine) == []


def test_an_attempt_is_on_record_before_it_begins(store: Store, new_store: Callable[[], Store]) -> None:
    key, other = RequestKey("1", "r1"), new_store()
    Journal().begin(store, [key])
    seen: list[Mapping[RequestKey, int]] = []
    results_of(
        store, [job("r1", leave("r1", then=lambda _: seen.append(Journal().deaths(other, [key]))), journal=True)]
    )
    assert seen == [{key: 2}]
    assert Journal().deaths(other, [key]) == {}


@pytest.mark.parametrize("survivor", [leave("r1"), fail, fail_late, refuse, refuse_late])
def test_a_request_that_survives_is_forgotten_by_the_crash_journal(
    engine: sa.Engine, store: Store, survivor: object
) -> None:
    Journal().begin(store, [RequestKey("1", "r1")])
    results_of(store, [job("r1", survivor, journal=True)])  # type: ignore[arg-type]  # one of the functions above
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM crash_journal")).scalar() == 0


def test_a_redelivered_request_runs_apart_from_its_neighbours(engine: sa.Engine, store: Store) -> None:
    results = results_of(store, [job("r1"), job("poison", fail_late, journal=True), job("r2")])
    assert [type(result) for result in results] == [AnsweredJob, FailedJob, AnsweredJob]
    assert effects(engine) == ["r1", "r2"]


def test_old_answers_are_forgotten_in_steps_and_young_ones_stay(engine: sa.Engine, store: Store) -> None:
    results_of(store, [job(f"r{number}") for number in range(10)])
    assert store.forget_answers(timedelta(hours=1), most=4) == 0
    assert [store.forget_answers(-timedelta(hours=1), most=4) for _ in range(4)] == [4, 4, 2, 0]
    assert stored_ids(engine) == []
    assert len(effects(engine)) == 10


def test_rows_are_added_in_the_order_of_their_keys_so_that_two_workers_never_wait_crosswise(
    engine: sa.Engine, store: Store
) -> None:
    added: list[tuple[str, str]] = []

    def look(_connection: object, _cursor: object, statement: str, parameters: Any, *_others: object) -> None:
        if statement.startswith("INSERT INTO processed_requests"):
            if isinstance(parameters, dict):  # one statement with an array for each column
                principals, ids = (re.findall(r'"(\w+)"', parameters[name]) for name in ("principal", "id"))
                added.extend(zip(principals, ids, strict=True))
            else:  # the values of several rows, one after the other; principal and id come first in each
                columns = len(processed_requests.columns) - 1  # the moment is the database's
                added.extend((parameters[at], parameters[at + 1]) for at in range(0, len(parameters), columns))

    sa.event.listen(engine, "before_cursor_execute", look)
    results_of(store, [job("b"), job("c", principal="0"), job("a"), job("B")])
    assert added == [("0", "c"), ("1", "B"), ("1", "a"), ("1", "b")]


def test_what_the_database_says_of_a_refused_statement_shows_no_values(store: Store) -> None:
    def collide(connection: sa.Connection) -> bytes:
        values = {"secret": "hash-of-a-password"}
        connection.execute(sa.text("CREATE TEMPORARY TABLE vault (secret TEXT UNIQUE)"))
        for _ in range(2):
            connection.execute(sa.text("INSERT INTO vault VALUES (:secret)"), values)
        return b""

    (result,) = results_of(store, [job("a", collide)])
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)
    assert "hash-of-a-password" not in describe(result.error)
    assert "refused a statement" in describe(result.error)


def test_a_database_that_cannot_be_written_to_does_not_count_as_one_that_answers(database_url: str) -> None:
    engine = create_engine(database_url)

    def forbid_writing(connection: Any, _record: object) -> None:
        if engine.dialect.name == "sqlite":
            denied = {sqlite3.SQLITE_INSERT: sqlite3.SQLITE_DENY}
            connection.set_authorizer(lambda action, *_: denied.get(action, sqlite3.SQLITE_OK))
        else:
            connection.execute("SET default_transaction_read_only = on")
            connection.commit()

    sa.event.listen(engine, "connect", forbid_writing)
    store = Store(engine)
    with pytest.raises(StorageUnavailable, match=r"read-only|not authorized"):
        store.ping()
    store.close()
    engine.dispose()
