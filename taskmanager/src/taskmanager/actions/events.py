"""What users are told of changes of their tasks: one event for each change, in the same form for all versions."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Final, Self

from msgspec import Struct

from leveret import Event
from taskmanager.actions.registry import TaskContext
from taskmanager.domain import Priority, Status, Task

CREATED: Final = "taskmanager.task.created.v1"
UPDATED: Final = "taskmanager.task.updated.v1"
DELETED: Final = "taskmanager.task.deleted.v1"


class TaskState(Struct, frozen=True):
    """Data of the events that a task was created or updated: the task after the change.

    ``version`` counts the changes of a task: of two events the one with the larger version is the later one.
    """

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
        """Convert a task to the form of events."""
        return cls(*_SHOWN(task))


_SHOWN: Final = attrgetter(*TaskState.__struct_fields__)


class TaskGone(Struct, frozen=True):
    """Data of the event that a task was deleted."""

    id: int


def created(context: TaskContext, task: Task) -> None:
    """Tell the owner that a task was created."""
    context.add_event(Event(CREATED, TaskState.of(task), str(task.id)))


def updated(context: TaskContext, task: Task) -> None:
    """Tell the owner that a task was changed."""
    context.add_event(Event(UPDATED, TaskState.of(task), str(task.id)))


def deleted(context: TaskContext, task_id: int) -> None:
    """Tell the owner that a task was removed."""
    context.add_event(Event(DELETED, TaskGone(task_id), str(task_id)))
