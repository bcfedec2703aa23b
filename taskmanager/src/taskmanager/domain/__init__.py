"""Users, tasks and their rules; imports nothing but the standard library."""

from taskmanager.domain.rules import BrokenRule
from taskmanager.domain.task import NewTask, Priority, Status, Task, TaskChanges, TaskFigures, TaskPage
from taskmanager.domain.user import Credentials, NewUser, User

__all__ = [
    "BrokenRule",
    "Credentials",
    "NewTask",
    "NewUser",
    "Priority",
    "Status",
    "Task",
    "TaskChanges",
    "TaskFigures",
    "TaskPage",
    "User",
]
