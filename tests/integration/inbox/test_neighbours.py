"""What one action does to the connection that it shares costs its own request something, and its neighbours nothing."""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext, suppress

import pytest
import sqlalchemy as sa

from leveret.errors import Conflict
from leveret.inbox.batch import AnsweredJob, FailedJob, Job, Result
from leveret.sql import Store
from support.jobs import Run, add_effect, effects, job, leave, results_of, stored_ids

Act = Callable[[sa.Connection], object]


class Panic(BaseException):
    """What a native library raises when it has lost its way."""


def around(guilty: Job) -> list[Job]:
    return [job("a"), job("b"), guilty, job("c"), job("d")]


NEIGHBOURS = ["a", "b", "c", "d"]


def run_among_neighbours(engine: sa.Engine, store: Store, guilty: Job) -> Result:
    """Run a job in the middle of a batch; the neighbours have one effect each, and are answered for the first time."""
    results = results_of(store, around(guilty))
    result = results.pop(2)
    assert all(isinstance(each, AnsweredJob) and not (each.code or each.replayed) for each in results), results
    assert [name for name in effects(engine) if name != "x"] == NEIGHBOURS
    assert [name for name in stored_ids(engine) if name != "x"] == NEIGHBOURS
    return result


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", [Panic, GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_whatever_an_action_raises_is_its_own_failure(
    engine: sa.Engine, store: Store, kind: type[BaseException], late: bool
) -> None:
    def fail(connection: sa.Connection) -> None:
        raise kind

    result = run_among_neighbours(engine, store, job("x", leave("x", then=fail) if late else fail))  # type: ignore[arg-type]  # it never returns
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, kind)
    assert "x" not in effects(engine)


def leave_block(connection: sa.Connection) -> None:
    with connection:
        pass


def transaction_of(connection: sa.Connection) -> sa.Transaction:
    found = connection.get_transaction()
    assert found is not None
    return found


ENDS: dict[str, Act] = {
    "commit": lambda connection: connection.commit(),
    "rollback": lambda connection: connection.rollback(),
    "close": lambda connection: connection.close(),
    "with": leave_block,
    "detach": lambda connection: connection.detach(),
    "invalidate": lambda connection: connection.invalidate(),
    "transaction.commit": lambda connection: transaction_of(connection).commit(),
    "transaction.rollback": lambda connection: transaction_of(connection).rollback(),
    "transaction.close": lambda connection: transaction_of(connection).close(),
    "COMMIT": lambda connection: connection.exec_driver_sql("COMMIT"),
    "rollback as text": lambda connection: connection.execute(sa.text(" -- now\n rollback")),
}


def quietly(act: Act) -> Act:
    def swallow(connection: sa.Connection) -> None:
        with suppress(Exception):
            act(connection)

    return swallow


@pytest.mark.parametrize("swallowed", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_an_action_that_ends_the_transaction_fails_in_words(
    engine: sa.Engine, store: Store, end: str, swallowed: bool
) -> None:
    act = quietly(ENDS[end]) if swallowed else ENDS[end]
    result = run_among_neighbours(engine, store, job("x", leave("x", then=act)))
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, RuntimeError)
    assert "is refused, because the worker ends the transaction" in str(result.error)
    assert "x" not in effects(engine)
    [later] = results_of(store, [job("e")])
    assert isinstance(later, AnsweredJob)
    assert "e" in effects(engine)


@pytest.mark.parametrize("swallowed", [False, True])
def test_an_action_that_closes_the_drivers_connection_fails_and_later_requests_get_another_one(
    engine: sa.Engine, store: Store, swallowed: bool
) -> None:
    def close(connection: sa.Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.close()
        with suppress(sa.exc.SQLAlchemyError) if swallowed else nullcontext():
            connection.exec_driver_sql("SELECT 1")

    result = run_among_neighbours(engine, store, job("x", leave("x", then=close)))
    assert isinstance(result, FailedJob)
    assert "x" not in effects(engine)
    [later] = results_of(store, [job("e")])
    assert isinstance(later, AnsweredJob)
    assert "e" in effects(engine)


def test_a_savepoint_may_be_rolled_back_and_may_be_left_open(engine: sa.Engine, store: Store) -> None:
    def try_out(connection: sa.Connection) -> None:
        with connection.begin_nested() as attempt:
            add_effect(connection, "undone")
            attempt.rollback()
        connection.begin_nested()

    result = run_among_neighbours(engine, store, job("x", leave("x", then=try_out)))
    assert isinstance(result, AnsweredJob)
    assert "x" in effects(engine)
    assert "undone" not in effects(engine)


def say(text: str) -> Act:
    return lambda connection: connection.exec_driver_sql(text)


def by_hand(text: str) -> Act:
    def act(connection: sa.Connection) -> None:
        cursor = connection.connection.cursor()
        cursor.execute(text)
        cursor.close()

    return act


def one(text: str) -> Callable[[sa.Connection], object]:
    return lambda connection: connection.exec_driver_sql(text).scalar()


WORK_MEM = "SELECT current_setting('work_mem')"
APPLICATION = "SELECT current_setting('application_name')"
FOREIGN_KEYS = "PRAGMA foreign_keys"

LEAKS: dict[str, tuple[str, Act, Callable[[sa.Connection], object]]] = {
    "options": (
        "both",
        lambda connection: connection.execution_options(schema_translate_map={None: "nowhere"}),
        lambda connection: connection.get_execution_options().get("schema_translate_map"),
    ),
    "SET LOCAL": ("postgresql", say("SET LOCAL work_mem = '123MB'"), one(WORK_MEM)),
    "set_config for the transaction": (
        "postgresql",
        say("SELECT set_config('application_name', 'mine', true)"),
        one(APPLICATION),
    ),
    "set_config for the session": (
        "postgresql",
        say("SELECT set_config('application_name', 'mine', false)"),
        one(APPLICATION),
    ),
    "SET": ("postgresql", say("SET work_mem = '123MB'"), one(WORK_MEM)),
    "SET by the driver": ("postgresql", by_hand("SET work_mem = '123MB'"), one(WORK_MEM)),
    "SET in a block": ("postgresql", say("DO $$ BEGIN SET work_mem = '123MB'; END $$"), one(WORK_MEM)),
    "a temporary table": (
        "both",
        say("CREATE TEMPORARY TABLE own (a int)"),
        lambda connection: sa.inspect(connection).get_temp_table_names(),
    ),
    "LISTEN": ("postgresql", say("LISTEN news"), one("SELECT count(*) FROM pg_listening_channels()")),
    "a lock of the session": (
        "postgresql",
        say("SELECT pg_advisory_lock(4711)"),
        one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND pid = pg_backend_pid()"),
    ),
    "a cursor": (
        "postgresql",
        say("DECLARE own CURSOR WITH HOLD FOR SELECT 1"),
        one("SELECT count(*) FROM pg_cursors WHERE name = 'own'"),
    ),
    "a prepared statement": (
        "postgresql",
        say("PREPARE own AS SELECT 1"),
        one("SELECT count(*) FROM pg_prepared_statements WHERE name = 'own'"),
    ),
    "PRAGMA": ("sqlite", say("PRAGMA case_sensitive_like = ON"), one("SELECT 'a' LIKE 'A'")),
    "ATTACH": ("sqlite", by_hand("PRAGMA recursive_triggers = ON"), one("PRAGMA recursive_triggers")),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_what_an_action_leaves_on_its_connection_no_other_request_meets(
    engine: sa.Engine, store: Store, leak: str
) -> None:
    dialect, act, look = LEAKS[leak]
    if dialect not in ("both", engine.dialect.name):
        return
    seen: dict[str, object] = {}

    def looking(name: str) -> Job:
        return job(name, leave(name, then=lambda connection: seen.update({name: look(connection)})))

    results_of(store, [looking("before")])
    guilty = job("x", leave("x", then=act))
    results = results_of(store, [looking("a"), guilty, looking("b"), looking("c")])
    results += results_of(store, [looking("d")])
    assert all(isinstance(result, AnsweredJob) for result in results), results
    assert effects(engine) == ["a", "b", "before", "c", "d", "x"]
    assert {name: value == seen["before"] for name, value in seen.items()} == dict.fromkeys(seen, True)


def test_what_a_refused_request_leaves_no_other_request_meets_that_is_refused_too(
    engine: sa.Engine, store: Store
) -> None:
    seen: list[object] = []

    def refuse(connection: sa.Connection) -> bytes:
        seen.append(connection.get_execution_options().get("schema_translate_map"))
        connection.execution_options(schema_translate_map={None: "nowhere"})
        raise Conflict("not like this")

    results = results_of(store, [job("x", refuse), job("y", refuse)])
    assert all(isinstance(result, AnsweredJob) and result.code == "conflict" for result in results)
    assert not any(seen)


def test_ordinary_statements_leave_the_connection_as_it_is(engine: sa.Engine, store: Store) -> None:
    connections: set[int] = set()

    def note(connection: sa.Connection) -> None:
        connection.execute(sa.text("SELECT count(*) FROM users"))
        connection.execute(sa.text("UPDATE users SET full_name = 'x'"))
        with connection.begin_nested():
            add_effect(connection, "nested")
        connections.add(id(connection))

    for number in range(3):
        results = results_of(store, [job(f"r{number}{one}", leave("r", then=note)) for one in range(3)])
        assert all(isinstance(result, AnsweredJob) for result in results)
    assert len(connections) == 1
    assert effects(engine).count("r") == 9


def write_by(how: str, engine: sa.Engine) -> Run:
    """Make a function that writes where nobody sees it, and then refuses."""
    text = "INSERT INTO users (email, password_hash, created_at) VALUES ('x-1@example.com', '', '2026-01-31 12:00:00')"

    def run(connection: sa.Connection) -> bytes:
        if how == "function":
            connection.exec_driver_sql("SELECT add_somebody()")
        else:
            by_hand(text)(connection)
        raise Conflict("not like this")

    if how == "function":
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION add_somebody() RETURNS void LANGUAGE plpgsql AS"
                f" $$ BEGIN {text}; END $$".replace("%", "%%")
            )
    return run


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("how", ["function", "driver"])
def test_what_a_refused_request_has_written_unseen_is_not_kept(
    engine: sa.Engine, store: Store, how: str, last: bool
) -> None:
    if how == "function" and engine.dialect.name == "sqlite":
        return
    guilty = job("x", write_by(how, engine))
    result = results_of(store, [job("a"), guilty])[-1] if last else run_among_neighbours(engine, store, guilty)
    assert isinstance(result, AnsweredJob)
    assert result.code == "conflict"
    assert "x" not in effects(engine)
    with engine.begin() as connection:
        if how == "function":
            connection.exec_driver_sql("DROP FUNCTION add_somebody")
