"""The contract of an application, from its registry and its decoders."""

from __future__ import annotations

from typing import Any

from leveret.api import Action
from leveret.application import Application
from leveret.contracts.diff.contract import FORM, Contract, PromisedAction, promised_route
from leveret.contracts.diff.door import WorkersDoor
from leveret.contracts.diff.exact import exact_schemas
from leveret.contracts.diff.trying import Tried, try_inputs
from leveret.contracts.schemas import Schemas


def contract_of(app: Application[Any], *, tried: bool = True) -> Contract:
    """Return what an application promises.

    Args:
        app: the application; all of its actions are registered.
        tried: whether inputs are tried, of which a contract that is kept has those that were taken and refused.
    """
    actions = sorted(app, key=lambda action: action.full_name)
    schemas, door = exact_schemas(actions), WorkersDoor(app)
    return Contract(
        contract=FORM,
        application=app.name,
        actions={each.full_name: _promised(each, schemas, door, tried) for each in actions},
        routes={route.pattern: promised_route(route) for route in sorted(app.routes, key=lambda each: each.pattern)},
        types=dict(sorted(schemas.types.items())),
    )


def _promised(action: Action, schemas: Schemas, door: WorkersDoor, tried: bool) -> PromisedAction:
    taken = schemas.inputs[action.full_name]
    found = Tried([], [])
    if tried and taken is not None:
        found = try_inputs(taken, schemas.types, lambda data: door.refuse(action.full_name, data) is None)
    return PromisedAction(
        input=taken,
        output=schemas.outputs[action.full_name],
        errors=sorted({error.code for error in action.errors}),
        writes=action.writes,
        public=action.public,
        deprecated=bool(action.deprecated),
        examples=found.examples,
        tried=found.places,
    )
