"""The Task Manager's actions in all versions, as one ``Api``."""

from taskmanager.actions import accounts, v1, v2
from taskmanager.actions.registry import Services, TaskContext, api

__all__ = ["Services", "TaskContext", "accounts", "api", "v1", "v2"]

api.inherit("v2", parent="v1")
