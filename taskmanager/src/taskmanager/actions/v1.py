"""Version 1: its inputs, outputs and actions. A task has no priority here; unknown fields of an input are ignored."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from leveret.errors import NotFound, Unauthenticated
from taskmanager import usecases
from taskmanager.actions import events
from taskmanager.actions.limits import Description, DueDate, Title
from taskmanager.actions.registry import TaskContext, app, caller
from taskmanager.actions.simulation import can_fail_on_request, hang_if_asked
from taskmanager.domain import NewTask, Status, Task, TaskChanges, TaskPage, rules

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Meta(ge=1, le=100)]
Offset = Annotated[int, Meta(ge=0, le=2**63 - 1 - 100)]


class Health(Struct, frozen=True):
    """Output of health_check: the worker runs."""

    status: str = "ok"


class TaskV1(Struct, frozen=True):
    """A task."""

    id: int
    owner_id: int
    title: str
    description: str | None
    status: Status
    due_date: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, task: Task) -> Self:
        """Convert a task to the form of version 1."""
        return cls(
            task.id,
            task.owner_id,
            task.title,
            task.description,
            task.status,
            task.due_date,
            task.created_at,
            task.updated_at,
        )


class CreateTaskV1(Struct, frozen=True, dict=True):
    """Input of create_task; ``due_date`` is an ISO 8601 date, or date and time."""

    title: Title
    description: Description | None = None
    status: Status | None = None
    due_date: DueDate | None = None

    def __post_init__(self) -> None:
        self.task  # noqa: B018 -- makes the task here, so that a broken rule is an error of the input

    @cached_property
    def task(self) -> NewTask:
        """The new task; a status of null means the default."""
        return NewTask(self.title, self.description, self.status or Status.TODO, due_date=rules.due_date(self.due_date))


class TaskId(Struct, frozen=True):
    """Input of get_task and delete_task."""

    task_id: Id


class UpdateTaskV1(Struct, frozen=True):
    """Input of update_task: the id, and the fields to change.

    A null empties ``description`` and ``due_date``; for a field that cannot be empty, it counts as not given.
    """

    task_id: Id
    title: Title | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    status: Status | UnsetType | None = UNSET
    due_date: DueDate | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        self.changes()

    def changes(self) -> TaskChanges:
        """Return the fields to change."""
        changes = TaskChanges()
        if self.title is not UNSET and self.title is not None:
            changes["title"] = rules.title(self.title)
        if self.description is not UNSET:
            changes["description"] = rules.description(self.description)
        if self.status is not UNSET and self.status is not None:
            changes["status"] = self.status
        if self.due_date is not UNSET:
            changes["due_date"] = rules.due_date(self.due_date)
        return changes


class ListTasksV1(Struct, frozen=True):
    """Input of list_tasks: which page to return, newest first.

    ``before_id`` costs the same on every page; a larger ``offset`` costs more.
    """

    limit: Limit = 20
    offset: Offset = 0
    before_id: Id | None = None


class Deleted(Struct, frozen=True):
    """Output of delete_task: the task is removed."""

    task_id: int
    deleted: bool = True


@app.action("v1", "health_check", public=True)
@can_fail_on_request
async def health_check(context: TaskContext) -> Health:  # noqa: ARG001 -- every action takes it
    """Report that a worker runs; the database is not used."""
    return Health()


@app.action("v1", "create_task", writes=True, errors=(Unauthenticated,))
@can_fail_on_request
def create_task(context: TaskContext, wanted: CreateTaskV1) -> TaskV1:
    """Create a task owned by the caller."""
    task = usecases.create_task(context.connection, caller(context), wanted.task, context.now)
    events.created(context, task)
    hang_if_asked(context)
    return TaskV1.of(task)


@app.action("v1", "get_task", errors=(NotFound,))
@can_fail_on_request
def get_task(context: TaskContext, wanted: TaskId) -> TaskV1:
    """Return one of the caller's tasks."""
    return TaskV1.of(usecases.get_task(context.connection, caller(context), wanted.task_id))


@app.action("v1", "list_tasks")
@can_fail_on_request
def list_tasks(context: TaskContext, wanted: ListTasksV1) -> list[TaskV1]:
    """Return the caller's tasks, newest first."""
    page = TaskPage(wanted.limit, wanted.offset, wanted.before_id)
    return [TaskV1.of(task) for task in usecases.list_tasks(context.connection, caller(context), page)]


@app.action("v1", "update_task", writes=True, errors=(NotFound,))
@can_fail_on_request
def update_task(context: TaskContext, wanted: UpdateTaskV1) -> TaskV1:
    """Change some fields of one of the caller's tasks."""
    changes = wanted.changes()
    task = usecases.update_task(context.connection, caller(context), wanted.task_id, changes, context.now)
    if changes:
        events.updated(context, task)
    return TaskV1.of(task)


@app.action("v1", "delete_task", writes=True, errors=(NotFound,))
@can_fail_on_request
def delete_task(context: TaskContext, wanted: TaskId) -> Deleted:
    """Remove one of the caller's tasks."""
    usecases.delete_task(context.connection, caller(context), wanted.task_id)
    events.deleted(context, wanted.task_id)
    return Deleted(wanted.task_id)
