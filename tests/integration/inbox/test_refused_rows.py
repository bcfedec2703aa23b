"""Rows that the database refuses: the caller is told of its own mistake only when it is that one."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from leveret.errors import StorageBusy, StorageFailed, StorageUnavailable, Unauthenticated
from leveret.inbox.batch import AnsweredJob, FailedJob
from leveret.sql import Store, create_engine
from support.jobs import NOW, job, leave, results_of, stored_ids
from support.responses import ok
from taskmanager import usecases
from taskmanager.domain import NewTask, NewUser
from taskmanager.storage.tables import users

NEW_CHECK = "ALTER TABLE tasks ADD CONSTRAINT ck_tasks_new CHECK (title <> 'Write')"
NEW_TRIGGER = (
    "CREATE TRIGGER new BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'new') WHERE NEW.title = 'Write'; END"
)
SEQUENCE_BEHIND = (
    "INSERT INTO tasks (id, owner_id, title, status, priority, created_at, updated_at)"
    " SELECT nextval(pg_get_serial_sequence('tasks', 'id')) + 1, id, 'Old', 'todo', 'low', now(), now() FROM users"
)
OTHER_KEY = "ALTER TABLE tasks ADD COLUMN place bigint DEFAULT 0 REFERENCES users (id)"

ANOTHER_REASON = {
    "a new check": {"postgresql": [NEW_CHECK], "sqlite": [NEW_TRIGGER]},
    "a sequence behind its rows": {"postgresql": [SEQUENCE_BEHIND]},
    "another foreign key": {"postgresql": [OTHER_KEY]},
}
CASES = [(reason, dialect) for reason, statements in ANOTHER_REASON.items() for dialect in statements]


@pytest.mark.parametrize(("reason", "database_url"), CASES, indirect=["database_url"])
def test_a_task_that_is_refused_for_another_reason_is_not_said_to_have_no_owner(
    engine: sa.Engine, database_url: str, reason: str
) -> None:
    with engine.connect() as connection:  # nothing of this is kept
        owner = usecases.register(connection, NewUser("owner@example.com"), "hash", NOW)
        for statement in ANOTHER_REASON[reason][engine.dialect.name]:
            connection.execute(sa.text(statement))
        with pytest.raises(sa.exc.IntegrityError):
            usecases.create_task(connection, owner.id, NewTask("Write"), NOW)


def test_a_task_that_is_refused_for_another_reason_fails_and_its_neighbours_do_not(
    engine: sa.Engine, store: Store
) -> None:
    with engine.begin() as connection:
        owner = usecases.register(connection, NewUser("owner@example.com"), "hash", NOW)

    def create(owner_id: int, *first: str) -> Callable[[sa.Connection], bytes]:
        def run(connection: sa.Connection) -> bytes:
            for statement in first:
                connection.execute(sa.text(statement))
            return ok("x", usecases.create_task(connection, owner_id, NewTask("Write"), NOW).id)

        return run

    refusing = ANOTHER_REASON["a new check"][engine.dialect.name]  # goes with its transaction
    jobs = [job("good", create(owner.id)), job("refused", create(owner.id, *refusing)), job("nobody's", create(2**62))]
    good, refused, nobodys = results_of(store, jobs)
    assert isinstance(good, AnsweredJob)
    assert good.code is None
    assert isinstance(refused, FailedJob)
    assert isinstance(refused.error, StorageFailed)
    assert isinstance(nobodys, AnsweredJob)
    assert nobodys.code == Unauthenticated.code
    assert stored_ids(engine) == ["good", "nobody's"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite gives no id that is taken
def test_a_user_whose_id_is_taken_fails_and_is_not_said_to_exist(engine: sa.Engine) -> None:
    with engine.connect() as connection:  # nothing of this is kept
        usecases.register(connection, NewUser("first@example.com"), "hash", NOW)
        connection.execute(sa.text("UPDATE users SET id = nextval(pg_get_serial_sequence('users', 'id')) + 1"))
        with pytest.raises(sa.exc.IntegrityError):
            usecases.register(connection, NewUser("second@example.com"), "hash", NOW)


def test_a_response_that_cannot_be_kept_for_another_reason_is_not_said_to_be_another_workers(
    engine: sa.Engine, store: Store
) -> None:
    (result,) = results_of(store, [job("x", fingerprint=None)])  # type: ignore[arg-type]  # NOT NULL is the other reason
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)
    assert not isinstance(result.error, StorageBusy)
    assert stored_ids(engine) == []


TAKEN = "taken@example.com"


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize(("column", "value"), [("email", TAKEN), ("password_hash", None)])
def test_a_row_of_an_actions_own_that_is_refused_is_not_doubted(
    engine: sa.Engine, store: Store, column: str, value: str | None, others: int
) -> None:
    def add_refused(connection: sa.Connection) -> None:
        row = {"email": TAKEN, "password_hash": "", "created_at": NOW}
        connection.execute(sa.insert(users), [row])
        connection.execute(sa.insert(users), [row | {"email": "other@example.com"} | {column: value}])

    said: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    jobs = [*(job(f"r{number}") for number in range(others)), job("x", leave("x", then=add_refused))]
    *results, result = results_of(store, jobs)
    assert isinstance(result, FailedJob)
    assert isinstance(result.error, StorageFailed)
    assert column in str(result.error)
    assert all(isinstance(each, AnsweredJob) for each in results)
    assert not [text for text in said if "rate_windows" in text]


def test_a_row_of_ours_that_is_refused_is_an_outage_when_everybodys_is(clean_postgres: str) -> None:
    engine = create_engine(clean_postgres)
    store = Store(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE processed_requests ADD CONSTRAINT none CHECK (version = 'none')"))
    try:
        with pytest.raises(StorageUnavailable, match="none"):
            results_of(store, [job("r")])
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE processed_requests DROP CONSTRAINT none"))
        store.close()
        engine.dispose()


def test_no_check_waits_for_another_workers_that_hangs(clean_postgres: str) -> None:
    hasty = sa.make_url(clean_postgres).update_query_dict({"options": "-c lock_timeout=100ms"})
    engine, other = create_engine(clean_postgres), create_engine(hasty.render_as_string(hide_password=False))
    store, second = Store(engine), Store(other)
    checked: list[str] = []

    def check(*told: object) -> None:
        if str(told[2]).startswith("INSERT INTO rate_windows"):
            second.ping()
            checked.append("second")

    sa.event.listen(engine, "after_cursor_execute", check)
    store.ping()
    assert checked == ["second"]
    for each, its in ((store, engine), (second, other)):
        each.close()
        its.dispose()
