"""JSON Schema of all that an application's actions take and return, in one document."""

from __future__ import annotations

from typing import Any, Final

from leveret.application import Application
from leveret.contracts.schemas import Schema, schemas_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""The dialect of our schemas."""

_REF: Final = "#/$defs/{name}"


def build_json_schema(app: Application[Any]) -> Schema:
    """Return the document with the types of an application's actions.

    Its ``$defs`` have each named type; for each action with an input ``v1.create_task.input``, what ``data`` of a
    request holds; and for each action ``v1.create_task.output``, what ``data`` of a response holds.

    Args:
        app: the application; all of its actions are registered.
    """
    schemas = schemas_of(sorted(app, key=lambda action: action.full_name), ref=_REF)
    found: dict[str, Schema] = dict(schemas.types)
    for name, output in schemas.outputs.items():
        if (taken := schemas.inputs[name]) is not None:
            found[f"{name}.input"] = taken
        found[f"{name}.output"] = output
    return {"$schema": DIALECT, "title": app.name, "$defs": found}
