"""Version 2: tasks have a priority, lists have filters and chosen fields, and there are figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Self

from msgspec import UNSET, Struct, UnsetType

from leveret.errors import NotFound, Unauthenticated
from taskmanager import usecases
from taskmanager.actions.registry import TaskContext, api, caller
from taskmanager.actions.simulation import can_fail_on_request, hang_if_asked
from taskmanager.actions.v1 import CreateTaskV1, ListTasksV1, TaskId, UpdateTaskV1
from taskmanager.domain import NewTask, Priority, Status, Task, TaskChanges, TaskPage, rules


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

    @classmethod
    def of(cls, task: Task) -> Self:
        """Show a task."""
        return cls(*_SHOWN(task))


_SHOWN: Final = attrgetter(*TaskV2.__struct_fields__)


class CreateTaskV2(CreateTaskV1, frozen=True, dict=True):
    """A task that the caller wants to have."""

    priority: Priority | None = None

    @cached_property
    def task(self) -> NewTask:
        """The task that is wanted; a status or priority of null is the usual one."""
        return NewTask(
            self.title,
            self.description,
            self.status or Status.TODO,
            self.priority or Priority.MEDIUM,
            rules.due_date(self.due_date),
        )


class UpdateTaskV2(UpdateTaskV1, frozen=True):
    """Which task is meant, and the fields that change."""

    priority: Priority | UnsetType | None = UNSET

    def changes(self) -> TaskChanges:
        """Give the fields that are given."""
        changes = UpdateTaskV1.changes(self)
        if self.priority is not UNSET and self.priority is not None:
            changes["priority"] = self.priority
        return changes


class ListTasksV2(ListTasksV1, frozen=True):
    """Which tasks are wanted, and which of their fields; ``include`` is a list, or a text with commas."""

    status_filter: Status | None = None
    priority_filter: Priority | None = None
    include: list[str] | str | None = None

    def __post_init__(self) -> None:
        self.fields()

    def page(self) -> TaskPage:
        """Give the page that is wanted."""
        return TaskPage(self.limit, self.offset, self.before_id, self.status_filter, self.priority_filter)

    def fields(self) -> tuple[str, ...]:
        """Give the fields that are wanted, in the order of a task; all of them when nothing is said."""
        names = self.include.split(",") if isinstance(self.include, str) else self.include or []
        wanted = {name.strip() for name in names} - {""}
        if unknown := sorted(wanted.difference(TaskV2.__struct_fields__)):
            known = ", ".join(TaskV2.__struct_fields__)
            raise ValueError(f"Field include: a task has no {unknown[0][:64]!r}, it has {known}")
        return tuple(name for name in TaskV2.__struct_fields__ if name in wanted or not wanted)


class Stats(Struct, frozen=True):
    """Figures of the caller's tasks, or of everything for an administrator; ``users`` is null for one user."""

    users: int | None
    tasks: int
    tasks_by_status: Mapping[Status, int]
    tasks_by_priority: Mapping[Priority, int]


@api.action("v2", "create_task", writes=True, errors=(Unauthenticated,))
@can_fail_on_request
def create_task(context: TaskContext, wanted: CreateTaskV2) -> TaskV2:
    """Create a task owned by the caller."""
    task = usecases.create_task(context.connection, caller(context), wanted.task, context.now)
    hang_if_asked(context)
    return TaskV2.of(task)


@api.action("v2", "get_task", errors=(NotFound,))
@can_fail_on_request
def get_task(context: TaskContext, wanted: TaskId) -> TaskV2:
    """Give one of the caller's tasks."""
    return TaskV2.of(usecases.get_task(context.connection, caller(context), wanted.task_id))


@api.action("v2", "list_tasks")
@can_fail_on_request
def list_tasks(context: TaskContext, wanted: ListTasksV2) -> list[dict[str, Any]]:
    """List the caller's tasks, newest first, filtered, with the fields that are wanted."""
    fields = wanted.fields()
    tasks = usecases.list_tasks(context.connection, caller(context), wanted.page())
    return [{name: getattr(task, name) for name in fields} for task in tasks]


@api.action("v2", "update_task", writes=True, errors=(NotFound,))
@can_fail_on_request
def update_task(context: TaskContext, wanted: UpdateTaskV2) -> TaskV2:
    """Change the given fields of one of the caller's tasks."""
    task = usecases.update_task(context.connection, caller(context), wanted.task_id, wanted.changes(), context.now)
    return TaskV2.of(task)


@api.action("v2", "stats")
@can_fail_on_request
def stats(context: TaskContext) -> Stats:
    """Count the caller's tasks; for an administrator all users and all tasks."""
    figures = usecases.figures(context.connection, caller(context))
    return Stats(figures.users, figures.tasks.total, figures.tasks.by_status, figures.tasks.by_priority)
