"""Version 2: priorities, filters, chosen fields, figures, and everything that version 1 knows."""

from itertools import product
from typing import Any

import pytest

from leveret.errors import Conflict, InvalidRequest, TemporaryError
from taskmanager import usecases
from taskmanager.actions import app

from .conftest import Application


@pytest.fixture
def ann(application: Application) -> int:
    return application.register("ann@example.com")


def create(application: Application, user: int, **data: Any) -> Any:
    return application.call("create_task", {"title": "x", **data}, as_user=user, version="v2")


def listed(application: Application, user: int, **data: Any) -> Any:
    return application.call("list_tasks", data, as_user=user, version="v2")


def test_version_2_knows_every_action_of_version_1_and_stats() -> None:
    names = {version: {action.name for action in app if action.version == version} for version in ("v1", "v2")}
    assert names["v1"] == {
        "health_check",
        "register",
        "login",
        "create_task",
        "get_task",
        "list_tasks",
        "update_task",
        "delete_task",
        "stored_response",
        "read_events",
        "watch_events",
    }
    assert names["v2"] == names["v1"] | {"stats"}


def test_what_writes_what_is_public_and_what_is_secret() -> None:
    assert {action.name for action in app if action.writes} == {"register", "create_task", "update_task", "delete_task"}
    assert {action.name for action in app if action.public} == {*("health_check", "register", "login", "watch_events")}
    assert {action.name for action in app if action.secret} == {"login"}
    assert {action.name: action.secrets for action in app if action.secrets} == {
        "register": {"password"},
        "login": {"password"},
    }


@pytest.mark.parametrize(
    ("given", "kept"), [({}, "medium"), ({"priority": None}, "medium"), ({"priority": "high"}, "high")]
)
def test_a_task_has_a_priority(application: Application, ann: int, given: dict[str, Any], kept: str) -> None:
    task = create(application, ann, **given)
    assert task["priority"] == kept
    assert application.call("get_task", {"task_id": task["id"]}, as_user=ann, version="v2") == task
    assert listed(application, ann) == [task]


def test_an_unknown_priority_is_refused(application: Application, ann: int) -> None:
    with pytest.raises(InvalidRequest, match="priority"):
        create(application, ann, priority="urgent")


def test_an_update_sets_the_priority_when_it_is_given(application: Application, ann: int) -> None:
    task = create(application, ann, description="y")
    changes = {"task_id": task["id"], "priority": "low", "status": "done"}
    changed = application.call("update_task", changes, as_user=ann, version="v2")
    assert changed == task | {"priority": "low", "status": "done", "version": 2}
    changes = {"task_id": task["id"], "priority": None, "title": "y"}
    assert application.call("update_task", changes, as_user=ann, version="v2") == changed | {"title": "y", "version": 3}


@pytest.mark.parametrize("action", ["update_task", "delete_task"])
def test_a_task_that_was_changed_meanwhile_is_left_alone(application: Application, ann: int, action: str) -> None:
    task = create(application, ann)
    changes = {"task_id": task["id"], "title": "Mine"}
    changed = application.call("update_task", changes, as_user=ann, version="v2")
    late = {"task_id": task["id"], "expected_version": 1} | ({"title": "Late"} if action == "update_task" else {})
    with pytest.raises(Conflict, match="has version 2, not 1") as caught:
        application.call(action, late, as_user=ann, version="v2")
    assert caught.value.details == {"version": 2, "expected_version": 1}
    assert application.call("get_task", {"task_id": task["id"]}, as_user=ann, version="v2") == changed
    application.call(action, late | {"expected_version": 2}, as_user=ann, version="v2")


def test_an_update_without_changes_checks_the_version_too(application: Application, ann: int) -> None:
    task = create(application, ann)
    wanted = {"task_id": task["id"], "expected_version": 7}
    with pytest.raises(Conflict):
        application.call("update_task", wanted, as_user=ann, version="v2")
    assert application.call("update_task", wanted | {"expected_version": 1}, as_user=ann, version="v2") == task


def test_lists_are_filtered_by_status_and_by_priority(application: Application, ann: int) -> None:
    made = [
        create(application, ann, status=status, priority=priority)
        for status, priority in product(("todo", "done"), ("low", "high"))
    ]
    made.reverse()
    assert listed(application, ann, status_filter="done") == made[:2]
    assert listed(application, ann, priority_filter="low") == [made[1], made[3]]
    assert listed(application, ann, status_filter="todo", priority_filter="high") == [made[2]]
    assert listed(application, ann, status_filter=None, priority_filter=None) == made
    assert listed(application, ann, status_filter="in_progress") == []
    assert listed(application, ann, priority_filter="low", limit=1, offset=1) == [made[3]]


@pytest.mark.parametrize(
    ("include", "fields"),
    [
        ("title,status", ["title", "status"]),
        (" status , title,title", ["title", "status"]),
        (["priority"], ["priority"]),
        (["updated_at", "id"], ["id", "updated_at"]),
    ],
)
def test_include_gives_the_named_fields_only(
    application: Application, ann: int, include: object, fields: list[str]
) -> None:
    task = create(application, ann)
    [shown] = listed(application, ann, include=include)
    assert shown == {name: task[name] for name in fields}


@pytest.mark.parametrize("include", [None, "", [], " , "])
def test_without_a_name_in_include_every_field_comes(application: Application, ann: int, include: object) -> None:
    task = create(application, ann)
    assert listed(application, ann, include=include) == [task]


@pytest.mark.parametrize("include", ["title,colour", ["password_hash"], [1], 5, {"title": True}])
def test_an_unknown_field_in_include_is_refused(application: Application, ann: int, include: object) -> None:
    with pytest.raises(InvalidRequest, match="include"):
        listed(application, ann, include=include)


def test_stats_count_ones_own_tasks(application: Application, ann: int) -> None:
    create(application, ann, status="done", priority="high")
    create(application, ann)
    create(application, application.register("bob@example.com"))
    assert application.call("stats", as_user=ann, version="v2") == {
        "users": None,
        "tasks": 2,
        "tasks_by_status": {"todo": 1, "in_progress": 0, "done": 1},
        "tasks_by_priority": {"low": 0, "medium": 1, "high": 1},
    }


def test_an_administrator_sees_everybodys_figures_until_that_is_revoked(application: Application, ann: int) -> None:
    create(application, application.register("bob@example.com"))
    with application.engine.begin() as connection:
        usecases.grant_admin(connection, "ann@example.com")
    everything = application.call("stats", as_user=ann, version="v2")
    assert (everything["users"], everything["tasks"]) == (2, 1)
    with application.engine.begin() as connection:
        usecases.revoke_admin(connection, "ann@example.com")
    assert application.call("stats", as_user=ann, version="v2")["tasks"] == 0


@pytest.mark.parametrize("action", ["create_task", "get_task", "list_tasks", "update_task", "delete_task", "stats"])
def test_version_2_simulates_errors_too(simulating: Application, action: str) -> None:
    with pytest.raises(TemporaryError):
        simulating.call(action, {"title": "x", "task_id": 1, "simulate_temp_error": True}, as_user=1, version="v2")
