"""Version 1 as its clients know it; each call goes in and comes out as JSON."""

import threading
from typing import Any

import pytest

from leveret.auth.keyring import Keyring
from leveret.errors import Conflict, InvalidRequest, NotFound, TemporaryError, Unauthenticated

from .conftest import Application

UTC_NOW = "2026-01-31T12:00:00Z"


@pytest.fixture
def ann(application: Application) -> int:
    return application.register("ann@example.com")


def test_health_check_answers_without_a_caller_and_without_a_database(application: Application) -> None:
    application.engine.dispose()
    assert application.call("health_check") == {"status": "ok"}


def test_register_gives_id_email_and_name_and_never_the_password(application: Application) -> None:
    data = {"email": "Ann@Example.com", "password": "p", "full_name": "Ann Lee"}
    answer = application.call("register", data)
    assert answer == {"id": answer["id"], "email": "ann@example.com", "full_name": "Ann Lee"}
    with pytest.raises(Conflict, match=r"^User already exists$"):
        application.call("register", {"email": "ANN@example.com", "password": "other"})


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"password": "p"}, "email"),
        ({"email": "a@b"}, "password"),
        ({"email": "ab", "password": "p"}, "email"),
        ({"email": "a@b", "password": ""}, "password"),
        ({"email": "a@b", "password": 1}, "password"),
        ({"email": "a@b", "password": "p", "full_name": "x" * 201}, "full_name"),
    ],
)
def test_a_registration_that_breaks_a_rule_names_the_field(
    application: Application, data: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest, match=field):
        application.call("register", data)


def test_login_gives_a_bearer_token_whose_subject_is_the_users_id(
    application: Application, ann: int, keyring: Keyring
) -> None:
    answer = application.call("login", {"email": " ANN@example.com", "password": "correct horse"})
    assert answer["token_type"] == "bearer"
    assert keyring.verify("Bearer " + answer["access_token"]).subject == str(ann)
    assert set(answer) == {"access_token", "token_type"}


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ann@example.com", "wrong"),
        ("ann@example.com", ""),
        ("bob@example.com", "correct horse"),
        ("", ""),
        ("ann", "x"),
    ],
)
def test_a_wrong_password_and_an_unknown_email_are_not_told_apart(
    application: Application, ann: int, email: str, password: str
) -> None:
    with pytest.raises(Unauthenticated, match=r"^Incorrect email or password$"):
        application.call("login", {"email": email, "password": password})


def test_a_created_task_is_answered_without_a_priority_and_kept(application: Application, ann: int) -> None:
    data = {"title": "Write", "description": "all of it", "status": "in_progress", "due_date": "2026-02-01"}
    task = application.call("create_task", data, as_user=ann)
    assert task == {
        "id": task["id"],
        "owner_id": ann,
        "title": "Write",
        "description": "all of it",
        "status": "in_progress",
        "due_date": "2026-02-01T00:00:00Z",
        "created_at": UTC_NOW,
        "updated_at": UTC_NOW,
    }
    assert application.call("get_task", {"task_id": task["id"]}, as_user=ann) == task


def test_only_the_title_is_needed_and_null_is_the_usual_value(application: Application, ann: int) -> None:
    for data in ({"title": "x"}, {"title": "x", "status": None, "description": None, "due_date": None}):
        task = application.call("create_task", data, as_user=ann)
        assert (task["status"], task["description"], task["due_date"]) == ("todo", None, None)


def test_unknown_fields_and_the_priority_are_ignored(application: Application, ann: int) -> None:
    task = application.call("create_task", {"title": "x", "priority": 17, "colour": "red"}, as_user=ann)
    assert application.call("get_task", {"task_id": task["id"]}, as_user=ann, version="v2")["priority"] == "medium"
    application.call("update_task", {"task_id": task["id"], "priority": "high"}, as_user=ann)
    assert application.call("get_task", {"task_id": task["id"]}, as_user=ann, version="v2")["priority"] == "medium"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "title"),
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"title": "x", "status": "new"}, "Field status"),
        ({"title": "x", "due_date": "soon"}, "Field due_date"),
        ({"title": "x", "due_date": 5}, "Field due_date"),
        ({"title": "x", "description": "y" * 10_001}, "Field description"),
    ],
)
def test_a_task_that_breaks_a_rule_is_refused_before_it_reaches_the_database(
    application: Application, data: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        application.call("create_task", data, as_user=1)


@pytest.mark.parametrize("action", ["get_task", "update_task", "delete_task"])
@pytest.mark.parametrize("task_id", [0, -1, 2**63, 1.5, "1", True, None])
def test_a_task_id_is_a_positive_number_of_64_bits(application: Application, action: str, task_id: object) -> None:
    with pytest.raises(InvalidRequest, match="task_id"):
        application.call(action, {"task_id": task_id}, as_user=1)


@pytest.mark.parametrize("action", ["get_task", "update_task", "delete_task"])
@pytest.mark.parametrize("task_id", [1, 2**63 - 1])
def test_a_task_that_is_not_there_is_not_found(application: Application, ann: int, action: str, task_id: int) -> None:
    with pytest.raises(NotFound, match=r"^Task not found$"):
        application.call(action, {"task_id": task_id, "title": "x"}, as_user=ann)


def test_a_list_is_a_plain_array_newest_first_and_twenty_long(application: Application, ann: int) -> None:
    made = [application.call("create_task", {"title": str(number)}, as_user=ann) for number in range(22)]
    made.reverse()
    assert application.call("list_tasks", as_user=ann) == made[:20]
    assert application.call("list_tasks", {"limit": 3, "offset": 20}, as_user=ann) == made[20:]
    assert application.call("list_tasks", {"limit": 2, "before_id": made[4]["id"]}, as_user=ann) == made[5:7]
    assert application.call("list_tasks", {"limit": 100}, as_user=application.register("bob@example.com")) == []


@pytest.mark.parametrize("data", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"limit": "5"}, {"before_id": 0}])
def test_a_page_out_of_its_limits_is_refused(application: Application, data: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(data))):
        application.call("list_tasks", data, as_user=1)


def test_an_update_changes_only_the_fields_that_are_given(application: Application, ann: int) -> None:
    task = application.call("create_task", {"title": "x", "description": "y", "due_date": "2026-02-01"}, as_user=ann)
    changed = application.call("update_task", {"task_id": task["id"], "status": "done"}, as_user=ann)
    assert changed == task | {"status": "done"}
    emptied = {"task_id": task["id"], "description": None, "due_date": None, "title": None, "status": None}
    assert application.call("update_task", emptied, as_user=ann) == changed | {"description": None, "due_date": None}


@pytest.mark.parametrize("field", ["title", "status", "due_date", "description"])
def test_an_update_that_breaks_a_rule_is_refused(application: Application, field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        application.call("update_task", {"task_id": 1, field: " " * 10_001}, as_user=1)


def test_a_deleted_task_is_gone(application: Application, ann: int) -> None:
    task = application.call("create_task", {"title": "x"}, as_user=ann)
    answer = application.call("delete_task", {"task_id": task["id"]}, as_user=ann)
    assert answer == {"deleted": True, "task_id": task["id"]}
    with pytest.raises(NotFound):
        application.call("delete_task", {"task_id": task["id"]}, as_user=ann)


@pytest.mark.parametrize("subject", ["", "ann", "-1", "1.0", "٣", "9" * 19, "1" * 40])
def test_a_subject_that_is_no_user_id_is_unauthenticated(application: Application, subject: str) -> None:
    with pytest.raises(Unauthenticated):
        application.call("list_tasks", as_user=subject)


TASK_ACTIONS = ["health_check", "create_task", "get_task", "list_tasks", "update_task", "delete_task"]


@pytest.mark.parametrize("action", TASK_ACTIONS)
def test_a_simulated_error_happens_only_where_it_is_allowed(
    application: Application, simulating: Application, action: str
) -> None:
    data = {"title": "x", "task_id": 1, "simulate_temp_error": True}
    with pytest.raises(TemporaryError, match=r"^simulated temporary error$"):
        simulating.call(action, data, as_user=1)
    with pytest.raises(InvalidRequest, match="TASKMANAGER_ALLOW_SIMULATED_ERRORS=true"):
        application.call(action, data, as_user=1)


@pytest.mark.parametrize("value", [False, None, "true", 1])
def test_anything_but_true_simulates_nothing(application: Application, value: object) -> None:
    assert application.call("health_check", {"simulate_temp_error": value}) == {"status": "ok"}


def test_a_simulated_hang_is_announced_after_the_insert_and_before_the_commit(
    simulating: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann = simulating.register("ann@example.com")
    monkeypatch.setattr("taskmanager.actions.simulation.HANG", 0.01)
    with caplog.at_level("INFO", "taskmanager"):
        simulating.call("create_task", {"title": "x", "simulate_hang": True}, as_user=ann)
    assert caplog.messages == ["simulated hang for id-1"]


@pytest.mark.parametrize("options", [{"redelivered": True}, {"retries": 1}])
def test_a_second_delivery_does_not_hang(
    simulating: Application, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    ann = simulating.register("ann@example.com")
    application = simulating.with_options(**options)
    done = threading.Event()

    def call() -> None:
        application.call("create_task", {"title": "x", "simulate_hang": True}, as_user=ann)
        done.set()

    threading.Thread(target=call, daemon=True).start()
    assert done.wait(10)
    assert caplog.messages == []


def test_a_simulated_hang_is_refused_where_it_is_not_allowed(application: Application, ann: int) -> None:
    with pytest.raises(InvalidRequest, match="simulate_hang is switched off"):
        application.call("create_task", {"title": "x", "simulate_hang": True}, as_user=ann)
