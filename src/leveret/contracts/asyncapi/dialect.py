"""Schemas in the dialect that AsyncAPI has where a document names none: a superset of JSON Schema draft 07.

Tools read no other dialect everywhere, and our types need nothing that it does not have.
"""

from __future__ import annotations

from typing import Any

from leveret.contracts.schemas import Schema


def in_draft_07(schema: Any) -> Any:
    """Return a schema of JSON Schema 2020-12, as msgspec writes it, in the words of draft 07."""
    if isinstance(schema, list):
        return [in_draft_07(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _inner(key, value) for key, value in schema.items() if key != "discriminator"}
    if "prefixItems" in found:
        _fix_items(found)
    if "$ref" in found and len(found) > 1:  # draft 07 ignores what stands beside a reference
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found


def _inner(key: str, value: Any) -> Any:
    if key in ("const", "default", "enum", "examples", "required"):
        return value
    if key == "properties":
        return {name: in_draft_07(field) for name, field in value.items()}
    return in_draft_07(value)


def _fix_items(schema: Schema) -> None:
    """Write an array whose first items have schemas of their own in the words of draft 07."""
    rest = schema.pop("items", True)
    schema["items"] = schema.pop("prefixItems")
    schema["additionalItems"] = rest
