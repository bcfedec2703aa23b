"""Tasks: what is known of one, what makes a new one, what changes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from taskmanager.domain import rules


class Status(StrEnum):
    """How far a task is."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    DONE = "done"


class Priority(StrEnum):
    """How much a task matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is kept; all moments are aware and in UTC."""

    id: int
    owner_id: int
    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task that somebody wants to have.

    Raises:
        BrokenRule: a field is out of its limits.
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
    """The fields of a task that are to change; what is not given stays as it is."""

    title: str
    description: str | None
    status: Status
    priority: Priority
    due_date: datetime | None


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Which tasks of a list are wanted, newest first.

    Attributes:
        limit: at most so many.
        offset: leave out so many; the database still walks over them.
        before_id: only tasks with a smaller id, that is, older ones; costs the same however far one has paged.
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
    """Counts of tasks; every status and every priority has an entry."""

    by_status: Mapping[Status, int]
    by_priority: Mapping[Priority, int]

    @property
    def total(self) -> int:
        """Tasks of all kinds."""
        return sum(self.by_status.values())
