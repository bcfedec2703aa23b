"""`docs diff` on hundreds of changed applications whose verdicts are known: none missed, no false alarm."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from leveret.api import Api
from leveret.application import Application
from leveret.contracts.diff.building import contract_of
from leveret.contracts.diff.compare import compare
from leveret.contracts.diff.contract import Contract, read_contract, write_contract
from leveret.contracts.diff.report import Break
from leveret.errors import InvalidRequest
from leveret.wire.codec import decode_request, encode_json
from orders.app import app as orders
from support.all_types_app import app as everything
from support.mutated_apps import AppPlan, can_be_made, plan_of, record_in, record_plan, with_record
from support.mutations import BREAKING, NEUTRAL, changes_of
from support.unusual_app import app as unusual
from taskmanager.actions import app as taskmanager

SUBJECTS = [
    (unusual, "v1.list", "input"),
    (unusual, "v1.list", "output"),
    (orders, "v1.place_order", "input"),
    (orders, "v1.order", "output"),
    (taskmanager, "v1.create_task", "input"),
    (taskmanager, "v1.list_tasks", "input"),
    (taskmanager, "v2.update_task", "input"),
]
"""Applications, and the inputs and outputs of them that are changed."""

MANY_FIELDS = [
    (everything, "v1.everything", "input"),
    (everything, "v1.everything", "output"),
    (taskmanager, "v1.list_tasks", "output"),
]
"""Those of which every twentieth change is tried, because they have so many, and all of the kinds that others lack."""

RARE = (
    "a choice more",
    "a choice less",
    "a text in place of a choice",
    "any keys",
    "a pattern for one character less",
    "an array of two at most",
    "an array of one or more",
)


class Mutant(Struct, frozen=True):
    """An application with one change.

    Attributes:
        words: what was changed, for people.
        plan: the changed application.
        breaks: whether somebody has to be broken by it.
    """

    words: str
    plan: AppPlan
    breaks: bool


@cache
def old_of(app: Application[Any]) -> tuple[AppPlan, Application[Any], Contract]:
    """Return an application as it was, and its contract as it is read from a file."""
    plan = plan_of(app)
    made = plan.made()
    return plan, made, read_contract(write_contract(contract_of(made)).encode())


def mutants(app: Application[Any], name: str, side: str) -> Iterator[Mutant]:
    plan, _, _ = old_of(app)
    kind, tried = getattr(plan.actions[name], side), itertools.count()
    for change, field, record in changes_of(record_plan(record_in(kind))):
        is_thinned = (app, name, side) in MANY_FIELDS and next(tried) % 20 and change.name not in RARE
        if can_be_made(record) and not is_thinned:
            changed = plan.with_action(name, **{side: with_record(kind, record.made())})
            breaks = ("callers" if side == "input" else "readers") in change.breaks
            yield Mutant(f"{app.name} {name} {side}, {field.name}: {change.name}", without_lost_routes(changed), breaks)


def without_lost_routes(plan: AppPlan) -> AppPlan:
    """Return a plan without routes: a route over a field that is gone cannot be declared."""
    return msgspec.structs.replace(plan, routes=[])


@pytest.mark.parametrize(
    ("app", "name", "side"), [*SUBJECTS, *MANY_FIELDS], ids=lambda each: getattr(each, "name", each)
)
def test_a_change_breaks_exactly_whom_it_must_break_with_a_message_that_fails(
    app: Application[Any], name: str, side: str
) -> None:
    plan, _, _ = old_of(app)
    old = without_lost_routes(plan).made()
    contract = contract_of(old)
    wrong = []
    for mutant in mutants(app, name, side):
        new = mutant.plan.made()
        found = compare(contract, new).breaks
        if bool(found) != mutant.breaks:
            wrong.append(f"{'missed' if mutant.breaks else 'false alarm'}: {mutant.words}: {found}")
        wrong += [f"{mutant.words}: {each}" for each in found if not really_fails(each, old, new)]
    assert wrong == []


def test_three_hundred_changes_are_tried_and_each_kind_of_them() -> None:
    tried = [mutant for subject in [*SUBJECTS, *MANY_FIELDS] for mutant in mutants(*subject)]
    assert len(tried) >= 300
    assert sum(mutant.breaks for mutant in tried) >= 150
    assert {mutant.words.partition(": ")[2] for mutant in tried} == {kind.name for kind in (*NEUTRAL, *BREAKING)}


def really_fails(found: Break, old: Api[Any], new: Api[Any]) -> bool:
    """Try a message with the decoders themselves: that of the old application, and that of the new one."""
    if found.whom == "callers":
        request = decode_request(encode_json(found.message))
        if refusal(old, request.version, request.action, request.data):
            return False
        return bool(refusal(new, request.version, request.action, request.data) == found.fails["error"])
    data, action = found.message["data"], old.find(*found.subject.split(".", 1))
    written = msgspec.convert(data, new.find(*found.subject.split(".", 1)).output, str_keys=True)
    if msgspec.json.decode(encode_json(written)) != data:
        return False
    try:
        msgspec.convert(data, action.output, str_keys=True)
    except msgspec.ValidationError:
        return True
    return False


def refusal(app: Api[Any], version: str, action: str, data: dict[str, Any]) -> str:
    try:
        app.find(version, action).arguments(data)
    except InvalidRequest as error:
        return error.text
    return ""
