"""Version 1: wire shapes and actions. A task has no priority here; unknown fields are ignored."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from leveret.errors import NotFound, Unauthenticated
from taskmanager import usecases
from taskmanager.actions.registry import TaskContext, api, caller
from taskmanager.actions.simulation import can_fail_on_request, hang_if_asked
from taskmanager.domain import NewTask, Status, Task, TaskChanges, TaskPage, rules

Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Meta(ge=1, le=100)]
Offset = Annotated[int, Meta(ge=0, le=2**63 - 1 - 100)]


class Health(Struct, frozen=True):
    """The worker runs."""

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
        """Show a task."""
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
    """A task that the caller wants to have; ``due_date`` is an ISO 8601 date, or date and time."""

    title: str
    description: str | None = None
    status: Status | None = None
    due_date: str | None = None

    def __post_init__(self) -> None:
        self.task  # noqa: B018 -- made here, so that a rule it breaks is the input's error, and used by the action

    @cached_property
    def task(self) -> NewTask:
        """The task that is wanted; a status of null is the usual one."""
        return NewTask(self.title, self.description, self.status or Status.TODO, due_date=rules.due_date(self.due_date))


class TaskId(Struct, frozen=True):
    """Which task is meant."""

    task_id: Id


class UpdateTaskV1(Struct, frozen=True):
    """Which task is meant, and the fields that change.

    A null empties ``description`` and ``due_date``; for a field that is never empty it counts as not given.
    """

    task_id: Id
    title: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    status: Status | UnsetType | None = UNSET
    due_date: str | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        self.changes()

    def changes(self) -> TaskChanges:
        """Give the fields that are given."""
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
    """Which page is wanted, newest first; ``before_id`` costs the same at any depth, a large ``offset`` does not."""

    limit: Limit = 20
    offset: Offset = 0
    before_id: Id | None = None


class Deleted(Struct, frozen=True):
    """The task is gone."""

    task_id: int
    deleted: bool = True


@api.action("v1", "health_check", public=True)
@can_fail_on_request
async def health_check(context: TaskContext) -> Health:  # noqa: ARG001 -- every action takes it
    """Say that a worker runs; the database is not asked."""
    return Health()


@api.action("v1", "create_task", writes=True, errors=(Unauthenticated,))
@can_fail_on_request
def create_task(context: TaskContext, wanted: CreateTaskV1) -> TaskV1:
    """Create a task owned by the caller."""
    task = usecases.create_task(context.connection, caller(context), wanted.task, context.now)
    hang_if_asked(context)
    return TaskV1.of(task)


@api.action("v1", "get_task", errors=(NotFound,))
@can_fail_on_request
def get_task(context: TaskContext, wanted: TaskId) -> TaskV1:
    """Give one of the caller's tasks."""
    return TaskV1.of(usecases.get_task(context.connection, caller(context), wanted.task_id))


@api.action("v1", "list_tasks")
@can_fail_on_request
def list_tasks(context: TaskContext, wanted: ListTasksV1) -> list[TaskV1]:
    """List the caller's tasks, newest first."""
    page = TaskPage(wanted.limit, wanted.offset, wanted.before_id)
    return [TaskV1.of(task) for task in usecases.list_tasks(context.connection, caller(context), page)]


@api.action("v1", "update_task", writes=True, errors=(NotFound,))
@can_fail_on_request
def update_task(context: TaskContext, wanted: UpdateTaskV1) -> TaskV1:
    """Change the given fields of one of the caller's tasks."""
    task = usecases.update_task(context.connection, caller(context), wanted.task_id, wanted.changes(), context.now)
    return TaskV1.of(task)


@api.action("v1", "delete_task", writes=True, errors=(NotFound,))
@can_fail_on_request
def delete_task(context: TaskContext, wanted: TaskId) -> Deleted:
    """Remove one of the caller's tasks."""
    usecases.delete_task(context.connection, caller(context), wanted.task_id)
    return Deleted(wanted.task_id)
