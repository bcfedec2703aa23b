"""JSON Schema (2020-12) of the inputs and outputs of all actions, with each type once."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from leveret.api import Action

Schema = dict[str, Any]

OPENAPI_REF: Final = "#/components/schemas/{name}"
"""Where a document of OpenAPI or AsyncAPI has its types."""


class Schemas(Struct, frozen=True):
    """The types of an application's actions.

    Attributes:
        types: each named type with its schema.
        inputs: by version and name of the action, the schema of its input; None for an action without input.
        outputs: by version and name of the action, the schema of its output; empty where nothing is said.
    """

    types: Mapping[str, Schema]
    inputs: Mapping[str, Schema | None]
    outputs: Mapping[str, Schema]

    def resolved(self, schema: Schema) -> Schema:
        """Return a schema whose outermost reference is replaced by what it refers to."""
        while "$ref" in schema:
            schema = self.types[schema["$ref"].rpartition("/")[2]]
        return schema


def schemas_of(actions: Iterable[Action], ref: str = OPENAPI_REF) -> Schemas:
    """Return the schemas of what actions take and return.

    Args:
        actions: the actions.
        ref: how a type is referred to; ``{name}`` stands for its name.
    """
    known = list(actions)
    types = [kind for action in known for kind in (action.input, action.output) if is_said(kind)]
    schemas, components = msgspec.json.schema_components(types, schema_hook=lambda _: {}, ref_template=ref)
    found = iter(schemas)
    inputs: dict[str, Schema | None] = {}
    outputs: dict[str, Schema] = {}
    for action in known:
        inputs[action.full_name] = next(found) if is_said(action.input) else None
        outputs[action.full_name] = next(found) if is_said(action.output) else {}
    return Schemas({name: _tidied(schema) for name, schema in components.items()}, inputs, outputs)


def is_said(kind: Any) -> bool:
    """Return whether a type says anything that a schema can repeat.

    A union that msgspec writes, although it could not tell its members apart again, says nothing.
    """
    try:
        return kind is not None and not isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.AnyType)
    except TypeError:
        return False


def _tidied(schema: Schema) -> Schema:
    """Return a schema without the indentation that a docstring has in its class."""
    described = {"description": inspect.cleandoc(schema["description"])} if "description" in schema else {}
    return {**schema, **described}
