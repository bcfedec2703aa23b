"""Events are stored with what they tell of: both or neither, once, and with one statement for a batch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from leveret.api import KeptEvent
from leveret.errors import NotFound, StorageFailed
from leveret.inbox.batch import AnsweredJob, FailedJob, Inbox
from leveret.inbox.journal import Journal
from leveret.sql import Store
from leveret.sql.event_rows import keep_event
from leveret.sql.rehearsal import RehearsalStore
from leveret.sql.tables import leveret_events
from support.jobs import Run, add_effect, effects, job, leave, results_of

AGE = timedelta(days=7)


def tell(name: str, *, connection: sa.Connection) -> None:
    keep_event(connection, KeptEvent("1", "test.effect.left.v1", name, "{}", name))


def telling(name: str, then: Callable[[sa.Connection], object] = lambda _: None) -> Run:
    """Return a function with an effect and an event of it."""

    def run(connection: sa.Connection) -> None:
        tell(name, connection=connection)
        then(connection)

    return leave(name, then=run)


def told(engine: sa.Engine) -> list[str]:
    """Return the subjects of the committed events, by their ids."""
    with engine.connect() as connection:
        return list(connection.execute(sa.select(leveret_events.c.subject).order_by(leveret_events.c.id)).scalars())


@pytest.fixture
def inserts(engine: sa.Engine) -> list[str]:
    """Every statement that added events."""
    seen: list[str] = []

    def look(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if "INTO leveret_events" in statement:
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", look)
    return seen


def test_the_events_of_a_batch_are_added_in_their_order_with_one_statement(
    engine: sa.Engine, store: Store, inserts: list[str]
) -> None:
    names = [f"n{number}" for number in range(8)]
    results_of(store, [job(name, telling(name)) for name in names])
    assert told(engine) == names
    assert len(inserts) == 1


def test_a_batch_without_events_has_no_statement_for_them(engine: sa.Engine, store: Store, inserts: list[str]) -> None:
    results_of(store, [job("a"), job("b")])
    assert effects(engine) == ["a", "b"]
    assert inserts == []


def test_a_repetition_adds_no_event(engine: sa.Engine, store: Store) -> None:
    for _ in range(3):
        results_of(store, [job("a", telling("a")), job("b", telling("b"))])
        results_of(store, [job("a", telling("a"))])
    assert told(engine) == ["a", "b"]


def test_a_request_that_fails_takes_its_events_with_it_and_no_others(engine: sa.Engine, store: Store) -> None:
    def fail(_connection: sa.Connection) -> None:
        raise NotFound("gone")

    results_of(store, [job("a", telling("a")), job("b", telling("b", fail)), job("c", telling("c"))])
    assert effects(engine) == ["a", "c"]
    assert told(engine) == ["a", "c"]


def test_an_event_of_a_request_that_fails_before_its_effect_is_not_kept_for_the_next_one(
    engine: sa.Engine, store: Store
) -> None:
    def run(connection: sa.Connection) -> bytes:
        tell("b", connection=connection)
        raise NotFound("gone")

    results_of(store, [job("a"), job("b", run), job("c")])
    results_of(store, [job("d")])
    assert effects(engine) == ["a", "c", "d"]
    assert told(engine) == []


def test_what_is_rolled_back_to_a_savepoint_takes_its_events_with_it(engine: sa.Engine, store: Store) -> None:
    def fail(connection: sa.Connection) -> None:
        with connection.begin_nested():
            tell("goes", connection=connection)
            add_effect(connection, "goes")
            tell("goes too", connection=connection)
            connection.execute(sa.text("SELECT nothing FROM nowhere"))

    def run(connection: sa.Connection) -> None:
        with connection.begin_nested():
            tell("stays", connection=connection)
        with pytest.raises(sa.exc.DBAPIError):
            fail(connection)
        tell("last", connection=connection)

    results_of(store, [job("a", telling("first", run))])
    assert told(engine) == ["first", "stays", "last"]


def test_an_action_that_is_not_declared_to_write_adds_no_event(engine: sa.Engine, store: Store) -> None:
    def run(connection: sa.Connection) -> bytes:
        tell("a", connection=connection)
        return b"{}"

    [alone] = results_of(store, [job("a", run, stores=False)])
    together = results_of(store, [job("b", run, stores=False), job("c", run, stores=False)])
    for result in (alone, *together):
        assert isinstance(result, FailedJob)
        assert isinstance(result.error, StorageFailed)
        assert "writes=True" in str(result.error)
    assert told(engine) == []


def test_a_rehearsal_leaves_no_event(engine: sa.Engine) -> None:
    store = RehearsalStore(engine)
    assert isinstance(Inbox(store, Journal()).run_alone(job("a", telling("a"))), AnsweredJob)
    store.close()
    assert told(engine) == []


def test_an_event_that_the_database_refuses_fails_its_own_request_only(engine: sa.Engine, store: Store) -> None:
    def run(connection: sa.Connection) -> None:
        keep_event(connection, KeptEvent("1", "test.effect.left.v1", "b", None, "b"))  # type: ignore[arg-type]  # refused

    results = results_of(store, [job("a", telling("a")), job("b", leave("b", then=run)), job("c", telling("c"))])
    assert isinstance(results[1], FailedJob)
    assert told(engine) == ["a", "c"]


def test_old_events_are_removed_in_steps_and_young_ones_stay(engine: sa.Engine, store: Store) -> None:
    old, young = [datetime.now(UTC) - AGE + timedelta(minutes=minutes) for minutes in (-1, 1)]
    row = {"transaction_id": 0, "principal": "1", "type": "a.b", "data_json": "{}", "request": "r"}
    with engine.begin() as connection:
        for moment, subject, count in ((old, "old", 120), (young, "young", 30)):
            connection.execute(leveret_events.insert(), [{**row, "subject": subject, "at": moment}] * count)
    assert [store.forget_events(AGE, 50) for _ in range(4)] == [50, 50, 20, 0]
    assert told(engine) == ["young"] * 30
