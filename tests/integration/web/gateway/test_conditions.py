"""Entity tags and conditions of tasks in v2, over both forms."""

from __future__ import annotations

import pytest

from support.gateways import HttpCaller

TASKS = "/api/v2/tasks/"


async def test_a_task_has_a_tag_that_changes_with_it(user: HttpCaller) -> None:
    made = await user.post(TASKS, {"title": "Write"})
    path = f"{TASKS}{made.json()['id']}"
    assert (made.headers["ETag"], made.headers["Location"]) == ('"v2.1"', path)
    changed = await user.ask("PUT", path, {"title": "Read"}, If_Match='"v2.1"')
    assert (changed.status_code, changed.headers["ETag"], changed.json()["version"]) == (200, '"v2.2"', 2)
    got = await user.ask("GET", path, If_None_Match='"v2.1"')
    assert (got.status_code, got.headers["ETag"]) == (200, '"v2.2"')


@pytest.mark.parametrize("known", ['"v2.1"', 'W/"v2.1"', '"x", "v2.1"', "*"])
async def test_what_the_caller_has_is_not_sent_again(user: HttpCaller, known: str) -> None:
    made = await user.post(TASKS, {"title": "Write"})
    found = await user.ask("GET", f"{TASKS}{made.json()['id']}", If_None_Match=known)
    assert (found.status_code, found.content, found.headers["ETag"]) == (304, b"", '"v2.1"')


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_was_changed_meanwhile_is_left_alone(user: HttpCaller, method: str) -> None:
    path = f"{TASKS}{(await user.post(TASKS, {'title': 'Write'})).json()['id']}"
    await user.ask("PUT", path, {"title": "Mine"})
    late = await user.ask(method, path, {"title": "Late"} if method == "PUT" else None, If_Match='"v2.1"')
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert late.json()["details"] == {"version": 2, "expected_version": 1}
    assert (await user.ask("GET", path)).json()["title"] == "Mine"
    done = await user.ask(method, path, {"title": "Late"} if method == "PUT" else None, If_Match='"v2.2"')
    assert done.is_success


async def test_a_version_in_the_body_is_a_conflict_and_no_condition(user: HttpCaller) -> None:
    path = f"{TASKS}{(await user.post(TASKS, {'title': 'Write'})).json()['id']}"
    late = await user.ask("PUT", path, {"title": "Late", "expected_version": 7})
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("*", 200),
        ('"v2.1"', 200),
        ('"other", "v2.1"', 200),
        ('W/"v2.1"', 412),
        ('"v1.1"', 412),
        ('"v2.0"', 412),
        ('"v2.99999999999"', 412),
        ('"other"', 412),
        ("v2.1", 400),
        ('"v2.1', 400),
        ('"v2.1", "v2.2"', 400),
    ],
)
async def test_each_form_of_a_condition(user: HttpCaller, condition: str, status: int) -> None:
    path = f"{TASKS}{(await user.post(TASKS, {'title': 'Write'})).json()['id']}"
    found = await user.ask("PUT", path, {"title": "Read"}, If_Match=condition)
    assert found.status_code == status


async def test_version_1_has_no_tags_so_no_condition_holds(user: HttpCaller) -> None:
    made = await user.post("/api/v1/tasks/", {"title": "Write"})
    assert "ETag" not in made.headers
    path = made.headers["Location"]
    assert path == f"/api/v1/tasks/{made.json()['id']}"
    assert (await user.ask("PUT", path, {"title": "Read"}, If_Match='"v2.1"')).status_code == 412
    assert (await user.ask("GET", path, If_None_Match="*")).status_code == 200


async def test_a_repeated_request_gets_its_first_tag(user: HttpCaller) -> None:
    path = f"{TASKS}{(await user.post(TASKS, {'title': 'Write'})).json()['id']}"
    first = await user.ask("PUT", path, {"title": "A"}, Idempotency_Key="first")
    await user.ask("PUT", path, {"title": "B"})
    again = await user.ask("PUT", path, {"title": "A"}, Idempotency_Key="first")
    assert (again.content, again.headers["ETag"]) == (first.content, '"v2.2"')
