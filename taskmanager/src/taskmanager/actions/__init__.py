"""The Task Manager's actions in all versions, as one application."""

from taskmanager import usecases
from taskmanager.actions import accounts, routes, v1, v2
from taskmanager.actions.registry import Services, TaskContext, app

__all__ = ["Services", "TaskContext", "accounts", "app", "v1", "v2"]

app.complete()
app.inherit("v2", parent="v1")
routes.declare()
app.clean_up(usecases.forget_failed_logins)
