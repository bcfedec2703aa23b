"""Version 2: tasks have a priority, lists can be filtered and limited to some fields, and there are statistics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Final, Self, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from leveret.errors import Conflict, NotFound, Unauthenticated
from taskmanager import usecases
from taskmanager.actions import events
from taskmanager.actions.registry import TaskContext, app, caller
from taskmanager.actions.simulation import can_fail_on_request, hang_if_asked
from taskmanager.actions.v1 import CreateTaskV1, Deleted, ListTasksV1, TaskId, UpdateTaskV1
from taskmanager.domain import NewTask, Priority, Status, Task, TaskChanges, TaskPage, rules

Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class TaskV2(Struct, frozen=True):
    """A task."""

    id: int
    owner_id: int
    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, task: Task) -> Self:
        """Convert a task to the form of version 2."""
        return cls(*_SHOWN(task))


_SHOWN: Final = attrgetter(*TaskV2.__struct_fields__)


class CreateTaskV2(CreateTaskV1, frozen=True, dict=True):
    """Input of create_task."""

    priority: Priority | None = None

    @cached_property
    def task(self) -> NewTask:
        """The new task; a status or priority of null means the default."""
        return NewTask(
            self.title,
            self.description,
            self.status or Status.TODO,
            self.priority or Priority.MEDIUM,
            rules.due_date(self.due_date),
        )


class UpdateTaskV2(UpdateTaskV1, frozen=True):
    """Input of update_task: the id, and the fields to change.

    With ``expected_version`` the task is changed only if it still has the version that the caller has read.
    """

    priority: Priority | UnsetType | None = UNSET
    expected_version: Version | None = None

    def changes(self) -> TaskChanges:
        """Return the fields to change."""
        changes = UpdateTaskV1.changes(self)
        if self.priority is not UNSET and self.priority is not None:
            changes["priority"] = self.priority
        return changes


class DeleteTaskV2(TaskId, frozen=True):
    """Input of delete_task. With ``expected_version`` the task is removed only if it still has that version."""

    expected_version: Version | None = None


_FIELDS: Final = TaskV2.__struct_fields__
_NAME: Final = f" *({'|'.join(_FIELDS)})? *"
FieldName: TypeAlias = Annotated[str, Meta(extra_json_schema={"enum": list(_FIELDS)})]
FieldNames: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": f"^{_NAME}(,{_NAME})*$"})]


class ListTasksV2(ListTasksV1, frozen=True):
    """Input of list_tasks: which tasks to return, and which of their fields.

    ``include`` is a list of field names, or a text in which they are separated by commas.
    """

    status_filter: Status | None = None
    priority_filter: Priority | None = None
    include: list[FieldName] | FieldNames | None = None

    def __post_init__(self) -> None:
        self.fields()

    def page(self) -> TaskPage:
        """Return the page that the caller wants."""
        return TaskPage(self.limit, self.offset, self.before_id, self.status_filter, self.priority_filter)

    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields that the caller wants, in the order of a task; by default all of them."""
        names = self.include.split(",") if isinstance(self.include, str) else self.include or []
        wanted = {name.strip() for name in names} - {""}
        if unknown := sorted(wanted.difference(TaskV2.__struct_fields__)):
            known = ", ".join(TaskV2.__struct_fields__)
            raise ValueError(f"Field include: a task has no {unknown[0][:64]!r}, it has {known}")
        return tuple(name for name in TaskV2.__struct_fields__ if name in wanted or not wanted)


class Stats(Struct, frozen=True):
    """Output of stats: counts of the caller's tasks, with ``users`` null; or of everything, for an administrator."""

    users: int | None
    tasks: int
    tasks_by_status: Mapping[Status, int]
    tasks_by_priority: Mapping[Priority, int]


@app.action("v2", "create_task", writes=True, errors=(Unauthenticated,))
@can_fail_on_request
def create_task(context: TaskContext, wanted: CreateTaskV2) -> TaskV2:
    """Create a task owned by the caller."""
    task = usecases.create_task(context.connection, caller(context), wanted.task, context.now)
    events.created(context, task)
    hang_if_asked(context)
    return TaskV2.of(task)


@app.action("v2", "get_task", errors=(NotFound,))
@can_fail_on_request
def get_task(context: TaskContext, wanted: TaskId) -> TaskV2:
    """Return one of the caller's tasks."""
    return TaskV2.of(usecases.get_task(context.connection, caller(context), wanted.task_id))


@app.action("v2", "list_tasks")
@can_fail_on_request
def list_tasks(context: TaskContext, wanted: ListTasksV2) -> list[dict[str, Any]]:
    """Return the caller's tasks, newest first, filtered and with the fields that the caller wants."""
    fields = wanted.fields()
    tasks = usecases.list_tasks(context.connection, caller(context), wanted.page())
    return [{name: getattr(task, name) for name in fields} for task in tasks]


@app.action("v2", "update_task", writes=True, errors=(NotFound, Conflict))
@can_fail_on_request
def update_task(context: TaskContext, wanted: UpdateTaskV2) -> TaskV2:
    """Change some fields of one of the caller's tasks."""
    changes = wanted.changes()
    task = usecases.update_task(
        context.connection,
        caller(context),
        wanted.task_id,
        changes,
        context.now,
        expected=wanted.expected_version,
    )
    if changes:
        events.updated(context, task)
    return TaskV2.of(task)


@app.action("v2", "delete_task", writes=True, errors=(NotFound, Conflict))
@can_fail_on_request
def delete_task(context: TaskContext, wanted: DeleteTaskV2) -> Deleted:
    """Remove one of the caller's tasks."""
    usecases.delete_task(context.connection, caller(context), wanted.task_id, expected=wanted.expected_version)
    events.deleted(context, wanted.task_id)
    return Deleted(wanted.task_id)


@app.action("v2", "stats")
@can_fail_on_request
def stats(context: TaskContext) -> Stats:
    """Count the caller's tasks; for an administrator, count all users and all tasks."""
    figures = usecases.figures(context.connection, caller(context))
    return Stats(figures.users, figures.tasks.total, figures.tasks.by_status, figures.tasks.by_priority)
