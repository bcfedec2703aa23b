"""Tasks, new tasks, and changes of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from taskmanager.domain import rules


class Status(StrEnum):
    """State of the work on a task."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"


class Priority(StrEnum):
    """Importance of a task."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Task:
    """A stored task; all times are aware and in UTC. ``version`` counts its changes, from 1."""

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


@dataclass(frozen=True, slots=True)
class NewTask:
    """The fields of a task that a user wants to create.

    Raises:
        BrokenRule: a field breaks a rule.
    """

    title: str
    description: str | None = None
    status: Status = Status.TODO
    priority: Priority = Priority.MEDIUM
    due_date: datetime | None = None

    def __post_init__(self) -> None:
        rules.title(self.title)
        rules.description(self.description)


class TaskChanges(TypedDict, total=False):
    """The fields of a task that are to change; a field that is missing here keeps its value."""

    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: datetime | None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The part of a list of tasks that a caller wants, newest first.

    Attributes:
        limit: how many tasks to return at most.
        offset: how many tasks to leave out; the database still reads past them.
        before_id: only tasks with a smaller id, which are older; costs the same on every page.
        status: only tasks of this status.
        priority: only tasks of this priority.
    """

    limit: int = 20
    offset: int = 0
    before_id: int | None = None
    status: Status | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """Numbers of tasks; every status and every priority has an entry."""

    by_status: Mapping[Status, int]
    by_priority: Mapping[Priority, int]

    @property
    def total(self) -> int:
        """Number of all tasks."""
        return sum(self.by_status.values())
