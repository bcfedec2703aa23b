from datetime import UTC, datetime, timedelta, timezone
from itertools import product

import pytest
import sqlalchemy as sa

from leveret.errors import Conflict, NotFound, Unauthenticated
from support.jobs import NOW
from taskmanager import usecases
from taskmanager.domain import NewTask, NewUser, Priority, Status, Task, TaskChanges, TaskPage, User
from taskmanager.storage import task_queries

LATER = NOW + timedelta(hours=1)


def add(connection: sa.Connection, owner: User, title: str = "Write", **more: object) -> Task:
    return usecases.create_task(connection, owner.id, NewTask(title, **more), NOW)  # type: ignore[arg-type]  # a test's shorthand


@pytest.fixture
def other(connection: sa.Connection) -> User:
    return usecases.register(connection, NewUser("other@example.com"), "hash", NOW)


def test_a_task_is_found_as_it_was_created(connection: sa.Connection, owner: User) -> None:
    due = datetime(2026, 3, 1, 9, 30, 0, 1, tzinfo=timezone(timedelta(hours=5)))
    new = NewTask("Zwölf 🐇" * 20, "line\nline", Status.IN_PROGRESS, Priority.HIGH, due)
    task = usecases.create_task(connection, owner.id, new, NOW)
    assert (task.title, task.description) == (new.title, new.description)
    assert (task.status, task.priority) == (Status.IN_PROGRESS, Priority.HIGH)
    assert usecases.get_task(connection, owner.id, task.id) == task


@pytest.mark.parametrize("due", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_moments_come_back_in_utc_from_the_first_year_to_the_last(
    connection: sa.Connection, owner: User, due: datetime
) -> None:
    task = usecases.get_task(connection, owner.id, add(connection, owner, due_date=due).id)
    assert (task.due_date, task.created_at, task.updated_at) == (due, NOW, NOW)
    assert all(moment and moment.tzinfo is UTC for moment in (task.due_date, task.created_at, task.updated_at))


def test_a_moment_without_a_zone_is_never_kept(connection: sa.Connection, owner: User) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        add(connection, owner, due_date=datetime(2026, 1, 1))  # noqa: DTZ001 -- that is the point


def test_someone_elses_task_is_not_found_by_any_use_case(connection: sa.Connection, owner: User, other: User) -> None:
    task = add(connection, owner)
    with pytest.raises(NotFound, match=r"^Task not found$"):
        usecases.get_task(connection, other.id, task.id)
    with pytest.raises(NotFound, match=r"^Task not found$"):
        usecases.update_task(connection, other.id, task.id, TaskChanges(title="Mine"), LATER)
    with pytest.raises(NotFound, match=r"^Task not found$"):
        usecases.delete_task(connection, other.id, task.id)
    assert usecases.list_tasks(connection, other.id, TaskPage()) == []
    assert usecases.get_task(connection, owner.id, task.id) == task


def test_a_change_or_removal_by_someone_else_reaches_no_row_even_when_it_was_not_looked_up(
    connection: sa.Connection, owner: User, other: User
) -> None:
    task = add(connection, owner)
    assert task_queries.change_task(connection, other.id, task.id, TaskChanges(title="Mine"), LATER) is None
    assert not task_queries.remove_task(connection, other.id, task.id)


@pytest.mark.parametrize(
    "changes",
    [
        TaskChanges(title="New"),
        TaskChanges(description=None),
        TaskChanges(status=Status.DONE, priority=Priority.LOW),
        TaskChanges(due_date=LATER),
    ],
)
def test_only_the_given_fields_change(connection: sa.Connection, owner: User, changes: TaskChanges) -> None:
    task = add(connection, owner, description="text", due_date=NOW)
    changed = usecases.update_task(connection, owner.id, task.id, changes, LATER)
    fields = task.__dataclass_fields__
    expected = {name: getattr(task, name) for name in fields} | {"updated_at": LATER, "version": 2} | dict(changes)
    assert {name: getattr(changed, name) for name in fields} == expected
    assert usecases.get_task(connection, owner.id, task.id) == changed


def test_a_change_of_nothing_leaves_the_task_as_it_is(connection: sa.Connection, owner: User) -> None:
    task = add(connection, owner)
    assert usecases.update_task(connection, owner.id, task.id, TaskChanges(), LATER) == task


def test_a_removed_task_is_gone_and_its_id_is_never_given_again(connection: sa.Connection, owner: User) -> None:
    task = add(connection, owner)
    usecases.delete_task(connection, owner.id, task.id)
    with pytest.raises(NotFound):
        usecases.get_task(connection, owner.id, task.id)
    assert add(connection, owner).id > task.id


def test_a_task_of_nobody_is_refused_as_unauthenticated(engine: sa.Engine) -> None:
    with pytest.raises(Unauthenticated), engine.begin() as connection:
        usecases.create_task(connection, 2**62, NewTask("Write"), NOW)


def test_pages_are_newest_first_and_meet_without_a_gap(connection: sa.Connection, owner: User, other: User) -> None:
    ids = []
    for number in range(7):
        ids.append(add(connection, owner, str(number)).id)
        add(connection, other)
    ids.reverse()
    pages = [usecases.list_tasks(connection, owner.id, TaskPage(3, offset)) for offset in (0, 3, 6, 9)]
    assert [[task.id for task in page] for page in pages] == [ids[:3], ids[3:6], ids[6:], []]
    older = usecases.list_tasks(connection, owner.id, TaskPage(3, before_id=ids[2]))
    assert [task.id for task in older] == ids[3:6]
    assert usecases.list_tasks(connection, owner.id, TaskPage(3, 2**62)) == []


@pytest.mark.parametrize(("status", "priority"), list(product([None, *Status], [None, *Priority])))
def test_filters_give_what_a_look_at_every_task_would_give(
    connection: sa.Connection, owner: User, status: Status | None, priority: Priority | None
) -> None:
    kinds = list(product(Status, Priority)) * 3
    made = [add(connection, owner, status=one, priority=two) for one, two in kinds]
    matching = [t for t in reversed(made) if status in (None, t.status) and priority in (None, t.priority)]
    page = TaskPage(4, 0, None, status, priority)
    assert usecases.list_tasks(connection, owner.id, page) == matching[:4]
    page = TaskPage(4, 2, matching[1].id, status, priority)
    assert usecases.list_tasks(connection, owner.id, page) == matching[4:8]


def test_figures_count_ones_own_tasks_and_for_an_administrator_everything(
    connection: sa.Connection, owner: User, other: User
) -> None:
    for status, priority in [(Status.DONE, Priority.LOW), (Status.DONE, Priority.HIGH), (Status.TODO, Priority.LOW)]:
        add(connection, owner, status=status, priority=priority)
    add(connection, other)
    own = usecases.figures(connection, owner.id)
    assert (own.users, own.tasks.total) == (None, 3)
    assert own.tasks.by_status == {Status.TODO: 1, Status.IN_PROGRESS: 0, Status.DONE: 2}
    assert own.tasks.by_priority == {Priority.LOW: 2, Priority.MEDIUM: 0, Priority.HIGH: 1}
    usecases.grant_admin(connection, owner.email)
    everything = usecases.figures(connection, owner.id)
    assert (everything.users, everything.tasks.total) == (2, 4)
    assert usecases.figures(connection, 2**62).tasks.total == 0


def test_a_refusal_comes_before_the_first_write(connection: sa.Connection, owner: User) -> None:
    """A request that writes and then fails would make its whole batch run again."""
    written: list[str] = []
    sa.event.listen(connection.engine, "before_cursor_execute", lambda *arguments: written.append(arguments[2]))
    with pytest.raises(NotFound):
        usecases.update_task(connection, owner.id, 2**40, TaskChanges(title="New"), NOW)
    with pytest.raises(NotFound):
        usecases.delete_task(connection, owner.id, 2**40)
    with pytest.raises(Conflict):
        usecases.register(connection, NewUser(owner.email), "hash", NOW)
    assert [statement.partition(" ")[0] for statement in written] == ["SELECT", "SELECT", "SELECT"]
