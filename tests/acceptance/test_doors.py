"""The same cases through every way to call the system: equal answers and equal rows. `make doors` sends more."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from support.doors.case import Answer, Case
from support.doors.houses import DOORS, House, houses_running, tokens
from support.doors.http_doors import PROGRAM
from support.doors.http_forms import http_form
from support.doors.inventing import compared_actions, sequences
from support.doors.judging import differences
from support.doors.planted import planted
from support.doors.report import failure_report
from support.doors.running import Run, Tally
from support.serving import Broker
from support.typescript import compiled
from taskmanager.actions import app

SEED = 7
ROUTED = sorted({route.full_name for route in app.routes})

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def houses(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[House]]:
    program = compiled(PROGRAM, tmp_path_factory.mktemp("typescript"))
    folder = tmp_path_factory.mktemp("houses")
    async with houses_running(broker.url, f"t{secrets.token_hex(4)}", folder, program) as running:
        yield running


async def test_six_doors_give_one_answer(houses: list[House]) -> None:
    run = Run(houses)
    failure = await run.all(sequences(SEED, 300, tokens()))
    assert failure is None, failure_report(failure, SEED, 300)
    assert run.tally.gaps(DOORS, ROUTED) == []
    assert {"", "invalid_request", "unauthenticated", "not_found", "conflict", "id_reused"} <= set(run.tally.codes)


@pytest.mark.parametrize("name", DOORS)
async def test_a_drift_that_is_planted_in_a_door_is_found(houses: list[House], name: str) -> None:
    bad = [planted(house) if house.door.name == name else house for house in houses]
    failure = await Run(bad).all(sequences(SEED, 100, tokens()))
    assert failure is not None
    assert {text.split()[0].rstrip(":") for text in failure.wrong} == {name}
    assert len(failure.cases) <= 2
    report = failure_report(failure, SEED, 100)
    assert f'make doors ARGS="--seed {SEED} --cases 100"' in report
    assert all(case.name in report for case in failure.cases)


async def test_the_same_seed_makes_the_same_cases() -> None:
    shown = tokens()
    assert sequences(1, 60, shown) == sequences(1, 60, shown)
    assert sequences(1, 60, shown) != sequences(2, 60, shown)


async def test_every_action_is_among_the_cases() -> None:
    made = {case.name for cases in sequences(1, 100, tokens()) for case in cases}
    assert made == {action.full_name for action in compared_actions()} >= set(ROUTED)


async def test_a_run_that_leaves_a_door_out_is_worth_nothing() -> None:
    tally, case = Tally(), Case("v1", "health_check", {}, "", "a")
    tally.add(case, {"client": Answer()})
    found = tally.gaps(["client", "pika"], ["v1.health_check"])
    assert found[0] == "v1.health_check never went through pika"
    assert found[1] == "1 cases went through fewer than 2 doors"
    tally.add(case, {"client": Answer(), "pika": Answer()})
    assert tally.gaps(["client", "pika"], []) == [found[1], "1 of 2 cases went through all doors: expected 75%"]


@pytest.mark.parametrize(
    ("action", "data", "status", "code"),
    [
        ("create_task", {"title": "x"}, 200, ""),
        ("get_task", {"task_id": 1}, 400, "not_found"),
        ("get_task", {"task_id": 1}, 404, "no_such_code"),
    ],
)
async def test_a_status_that_is_not_in_the_table_is_a_drift(
    action: str, data: dict[str, int], status: int, code: str
) -> None:
    case = Case("v1", action, data, "", "a")
    assert len(differences(case, {"client": Answer(code), "rest": Answer(code, status=status)})) == 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"task_id": None},
        {"task_id": "7"},
        {"task_id": 1.5},
        {"task_id": "a/b"},
        {"task_id": 2**63},
        {"task_id": True},
    ],
)
async def test_what_a_path_cannot_say_has_no_form_over_http(data: dict[str, object]) -> None:
    assert http_form(Case("v1", "get_task", data, "", "a")) is None
    assert http_form(Case("v1", "get_task", {"task_id": 7}, "", "a")) is not None
