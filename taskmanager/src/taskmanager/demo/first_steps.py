"""The first steps: a user registers, logs in, and works with a task."""

from __future__ import annotations

from typing import Final

from taskmanager.demo.checks import check
from taskmanager.demo.demonstration import Demonstration

_EMAIL: Final = "ada@example.com"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - the user exists only during the demonstration


def health(demo: Demonstration) -> None:
    """Call health_check, which needs no token."""
    step = demo.begin("health_check", "A request without a token: is a worker there, and does it answer?")
    exchange = demo.ask(step, "health_check", expect=f"ok: {step} v1.health_check")
    demo.show(exchange)
    demo.succeeded(exchange)
    check(exchange.data == {"status": "ok"}, f"health_check says ok; it said {exchange.data}")


def register(demo: Demonstration) -> None:
    """Register a user; the password is hashed and is not shown anywhere."""
    step = demo.begin(
        "register", "A new user. The password is hashed with Argon2id and appears in no log and no queue."
    )
    data = {"email": _EMAIL, "password": _PASSWORD, "full_name": "Ada Lovelace"}
    exchange = demo.ask(step, "register", data, expect=f"ok: {step} v1.register")
    demo.show(exchange)
    demo.succeeded(exchange)
    check(exchange.data["email"] == _EMAIL, f"register answers with the user; it answered {exchange.data}")


def login(demo: Demonstration) -> None:
    """Log in; from here on every request carries the token."""
    step = demo.begin("login", "The access token that comes back is the `auth` of every request from here on.")
    data = {"email": _EMAIL, "password": _PASSWORD}
    exchange = demo.ask(step, "login", data, expect=f"ok: {step} v1.login")
    demo.show(exchange)
    demo.succeeded(exchange)
    demo.token = str(exchange.data["access_token"])


def create_task(demo: Demonstration) -> None:
    """Create a task; its row is committed together with the stored response."""
    step = demo.begin(
        "create_task", "The task, the idempotency row and the stored response are one database transaction."
    )
    data = {"title": "Write the release notes", "due_date": "2030-12-24"}
    exchange = demo.ask(step, "create_task", data, expect=f"ok: {step} v1.create_task")
    demo.show(exchange)
    demo.succeeded(exchange)
    demo.task_id = int(exchange.data["id"])


def list_tasks(demo: Demonstration) -> None:
    """List the tasks, newest first."""
    step = demo.begin(
        "list_tasks", "The user's own tasks, newest first, as a plain JSON array; paged by limit and offset."
    )
    exchange = demo.ask(step, "list_tasks", {"limit": 5}, expect=f"ok: {step} v1.list_tasks")
    demo.show(exchange)
    demo.succeeded(exchange)
    check([task["id"] for task in exchange.data] == [demo.task_id], f"one task is listed, not {exchange.data}")


def update_task(demo: Demonstration) -> None:
    """Change status and priority of a task, with version 2."""
    step = demo.begin(
        "update_task, version 2", "Version 2 knows priorities; only the fields that are given are changed."
    )
    data = {"task_id": demo.task_id, "status": "in_progress", "priority": "high"}
    exchange = demo.ask(step, "update_task", data, version="v2", expect=f"ok: {step} v2.update_task")
    demo.show(exchange)
    demo.succeeded(exchange)
    task = exchange.data
    check((task["status"], task["priority"]) == ("in_progress", "high"), f"status and priority are set; got {task}")
    check(task["title"] == "Write the release notes", f"the title stays; got {task}")
