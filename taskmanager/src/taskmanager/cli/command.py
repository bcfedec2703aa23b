"""The command ``taskmanager``: what every application has, the demonstration, and the administrators."""

from __future__ import annotations

from typing import Final

from leveret.cli.commands import COMMANDS
from taskmanager.actions import app

_OWN: Final = {
    "demo": "taskmanager.cli.demo:demo",
    "compare": "taskmanager.cli.compare:compare",
    "admin": "taskmanager.cli.admin:app",
}
_ORDER: Final = (
    "demo",
    "compare",
    "worker",
    "call",
    "send",
    "queues",
    "broker",
    "letters",
    "topology",
    "db",
    "admin",
    "keys",
)
"""The most important ones first; others that every application has come after them."""

_ALL: Final = {**COMMANDS, **_OWN}

command: Final = app.command(
    commands={name: _ALL[name] for name in dict.fromkeys((*_ORDER, *_ALL))},
    help="The Task Manager API over RabbitMQ.\n\nSettings come from the environment, TASKMANAGER_...; begin with "
    "`taskmanager demo`.",
    completion=False,
)
