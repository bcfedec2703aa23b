"""The first scenes: a user registers, logs in, and works with a task."""

from __future__ import annotations

from typing import Final

from taskmanager.demo.promises import promise
from taskmanager.demo.story import Story

_EMAIL: Final = "ada@example.com"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of a user who lives for a demonstration


def health(story: Story) -> None:
    """health_check: no token needed."""
    step = story.begin("health_check", "A request without a token: is a worker there, and does it answer?")
    exchange = story.ask(step, "health_check", expect=f"ok: {step} v1.health_check")
    story.show(exchange)
    story.succeeded(exchange)
    promise(exchange.data == {"status": "ok"}, f"health_check says ok; it said {exchange.data}")


def register(story: Story) -> None:
    """Register: the password is hashed, and nowhere to be seen."""
    step = story.begin(
        "register", "A new user. The password is hashed with Argon2id and appears in no log and no queue."
    )
    data = {"email": _EMAIL, "password": _PASSWORD, "full_name": "Ada Lovelace"}
    exchange = story.ask(step, "register", data, expect=f"ok: {step} v1.register")
    story.show(exchange)
    story.succeeded(exchange)
    promise(exchange.data["email"] == _EMAIL, f"register answers with the user; it answered {exchange.data}")


def login(story: Story) -> None:
    """Login: from here on every request carries the token."""
    step = story.begin("login", "The access token that comes back is the `auth` of every request from here on.")
    data = {"email": _EMAIL, "password": _PASSWORD}
    exchange = story.ask(step, "login", data, expect=f"ok: {step} v1.login")
    story.show(exchange)
    story.succeeded(exchange)
    story.token = str(exchange.data["access_token"])


def create_task(story: Story) -> None:
    """create_task: a row in the database, committed together with the stored response."""
    step = story.begin(
        "create_task", "The task, the idempotency row and the stored response are one database transaction."
    )
    data = {"title": "Write the release notes", "due_date": "2030-12-24"}
    exchange = story.ask(step, "create_task", data, expect=f"ok: {step} v1.create_task")
    story.show(exchange)
    story.succeeded(exchange)
    story.task_id = int(exchange.data["id"])


def list_tasks(story: Story) -> None:
    """list_tasks: an array, newest first."""
    step = story.begin(
        "list_tasks", "The user's own tasks, newest first, as a plain JSON array; paged by limit and offset."
    )
    exchange = story.ask(step, "list_tasks", {"limit": 5}, expect=f"ok: {step} v1.list_tasks")
    story.show(exchange)
    story.succeeded(exchange)
    promise([task["id"] for task in exchange.data] == [story.task_id], f"one task is listed, not {exchange.data}")


def update_task(story: Story) -> None:
    """update_task v2: status and priority."""
    step = story.begin(
        "update_task, version 2", "Version 2 knows priorities; only the fields that are given are changed."
    )
    data = {"task_id": story.task_id, "status": "in_progress", "priority": "high"}
    exchange = story.ask(step, "update_task", data, version="v2", expect=f"ok: {step} v2.update_task")
    story.show(exchange)
    story.succeeded(exchange)
    task = exchange.data
    promise((task["status"], task["priority"]) == ("in_progress", "high"), f"status and priority are set; got {task}")
    promise(task["title"] == "Write the release notes", f"the title stays; got {task}")
