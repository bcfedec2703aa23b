"""`docs diff` on changes of actions and routes: what breaks, whom, and what is compatible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from leveret.contracts.diff.building import contract_of
from leveret.contracts.diff.compare import compare
from leveret.contracts.diff.contract import Contract
from leveret.contracts.diff.report import Break
from leveret.errors import Conflict, NotFound
from support.all_types_app import app as everything
from support.mutated_apps import ActionPlan, AppPlan, plan_of
from support.one_answer import answered
from taskmanager.actions import app as taskmanager

TASK = {"id": 1, "version": 3}
NEEDED = "POST /api/v2/tasks/"
Changed = Callable[[AppPlan], AppPlan]


def action(name: str, **changed: Any) -> Changed:
    return lambda plan: plan.with_action(name, **changed)


def more_actions(plan: AppPlan) -> AppPlan:
    actions = {**plan.actions, "v3.count": ActionPlan("v3", "count", None, int)}
    return replace(plan, actions=actions)


def without_action(name: str) -> Changed:
    def change(plan: AppPlan) -> AppPlan:
        actions = {known: each for known, each in plan.actions.items() if known != name}
        return replace(plan, actions=actions, routes=[each for each in plan.routes if each.full_name != name])

    return change


def route(pattern: str, **changed: Any) -> Changed:
    def change(plan: AppPlan) -> AppPlan:
        assert pattern in {each.pattern for each in plan.routes}
        return replace(
            plan, routes=[replace(each, **changed) if each.pattern == pattern else each for each in plan.routes]
        )

    return change


def without_route(pattern: str) -> Changed:
    return lambda plan: replace(plan, routes=[each for each in plan.routes if each.pattern != pattern])


COMPATIBLE: Mapping[str, Changed] = {
    "v3.count: is new": more_actions,
    "v1.login: is deprecated now": action("v1.login", deprecated="use v2.login"),
    "v2.delete_task: does not declare 'conflict' any more": action("v2.delete_task", errors=(NotFound,)),
    "v2.stats: may answer 'conflict': callers have to expect codes that they do not know": action(
        "v2.stats", errors=(Conflict,)
    ),
    "v2.stats: needs no token any more": action("v2.stats", public=True),
    "v2.get_task: writes now: one request id stands for one content": lambda plan: action("v2.get_task", writes=True)(
        without_route("GET /api/v2/tasks/{task_id}")(plan)
    ),
    "POST /api/v1/tasks/: demands less than before": route("POST /api/v1/tasks/", needs_key=False),
    "GET /api/v2/tasks/fields: demands fewer fields than before": route("GET /api/v2/tasks/fields", needs=()),
    "GET /api/v1/tasks/{task_id}: calls v2.get_task in place of v1.get_task": route(
        "GET /api/v1/tasks/{task_id}", version="v2"
    ),
}
"""What is printed for a change that breaks nobody, and the change."""

BREAKING: Mapping[str, Changed] = {
    "callers v2.stats: the action is gone": without_action("v2.stats"),
    "callers v1.login: a token is needed": action("v1.login", public=False),
    "callers GET /api/v2/tasks/: the route is gone": without_route("GET /api/v2/tasks/"),
    "callers GET /api/v2/internal/stats: the route is gone": without_route("GET /api/v2/internal/stats"),
    "callers PUT /api/v2/tasks/{task_id}: the route is gone": route("PUT /api/v2/tasks/{task_id}", method="PATCH"),
    "callers PUT /api/v1/tasks/{task_id}: Idempotency-Key is needed": route(
        "PUT /api/v1/tasks/{task_id}", needs_key=True
    ),
    "callers PUT /api/v2/tasks/{task_id}: If-Match is needed": route("PUT /api/v2/tasks/{task_id}", needs_match=True),
    "callers DELETE /api/v2/tasks/{task_id}: If-Match fits nothing any more": route(
        "DELETE /api/v2/tasks/{task_id}", if_match=""
    ),
    f"callers {NEEDED}: the field priority is needed": route(NEEDED, needs=("priority",)),
    "callers GET /api/v2/tasks/: the field limit is needed": route("GET /api/v2/tasks/", needs=("limit",)),
    f"readers {NEEDED}: the answer has the status 200, and 201 was promised": route(NEEDED, status=200),
    "readers GET /api/v2/tasks/{task_id}: the answer has no ETag any more": route(
        "GET /api/v2/tasks/{task_id}", etag=""
    ),
    f"readers {NEEDED}: the answer has no Location any more": route(NEEDED, location=""),
}
"""What is printed for a change that breaks somebody, and the change."""


@cache
def old() -> tuple[AppPlan, Contract]:
    plan = plan_of(taskmanager)
    return plan, contract_of(plan.made())


@pytest.mark.parametrize("words", COMPATIBLE)
def test_a_compatible_change_is_told_and_breaks_nobody(words: str) -> None:
    plan, contract = old()
    report = compare(contract, COMPATIBLE[words](plan).made())
    assert words in [f"{note.subject}: {note.change}" for note in report.compatible]
    assert [each for each in report.breaks if each.change != "the route is gone"] == []


@pytest.mark.parametrize("words", BREAKING)
async def test_a_breaking_change_has_a_message_that_fails_at_the_gateway_or_the_worker(words: str) -> None:
    plan, contract = old()
    former, changed = plan.made(), BREAKING[words](plan).made()
    report = compare(contract, changed)
    assert words in [f"{each.whom} {each.subject}: {each.change}" for each in report.breaks]
    for each in report.breaks:
        message = msgspec.to_builtins(each.message)
        if "method" not in message:
            assert each.fails["code"] in ("unknown_action", "unauthenticated")
            continue
        before, after = await answered(former, message, TASK), await answered(changed, message, TASK)
        assert before.status_code < 300, before.text
        assert as_said(each, after), (each, after.status_code, after.text)


def as_said(found: Break, response: Any) -> bool:
    if missing := found.fails.get("missing"):
        return missing not in response.headers
    if "code" in found.fails:
        return (response.status_code, response.json()["code"]) == (found.fails["status"], found.fails["code"])
    return bool(response.status_code == found.fails["status"])


def test_an_output_that_can_be_written_and_not_read_has_a_contract() -> None:
    contract = contract_of(everything)
    assert contract.actions["v1.pet"].output == {}
    assert "POST /v1/actions/pet" in contract.routes


def test_keys_of_objects_that_are_no_texts_are_read_from_texts() -> None:
    contract = contract_of(everything)
    by_number = next(each for each in contract.actions["v1.everything"].tried if each.at == ["by_number"])
    assert {"1": "a"} in by_number.taken
    assert by_number.refused == []
