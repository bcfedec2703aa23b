"""The form of an action: a field for each field of its input, and JSON for what no field can hold. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

from msgspec import NODEFAULT, Struct, inspect

from leveret.api import Action

Kind = Literal["text", "long", "number", "truth", "choice", "secret", "json"]


class FormField(Struct, frozen=True, kw_only=True):
    """One field of a form.

    Attributes:
        name: as in the request.
        kind: how it is entered.
        required: whether the action needs it.
        choices: what may be chosen.
        default: what stands there if it is left out, as JSON; empty for nothing.
    """

    name: str
    kind: Kind
    required: bool
    choices: tuple[str, ...] = ()
    default: str = ""


_PLAIN: Final[Mapping[type[inspect.Type], Kind]] = {
    inspect.StrType: "text",
    inspect.IntType: "number",
    inspect.FloatType: "number",
    inspect.BoolType: "truth",
    inspect.DateTimeType: "text",
    inspect.DateType: "text",
    inspect.TimeType: "text",
    inspect.UUIDType: "text",
    inspect.DecimalType: "text",
    inspect.TimeDeltaType: "text",
}
_LONG: Final = frozenset({"description", "text", "body", "message", "comment", "note"})


def fields_of(action: Action) -> list[FormField] | None:
    """Return the fields of an action's form; None where its input is not a record, so that JSON has to be written."""
    if action.input is None:
        return []
    known = inspect.type_info(action.input)
    if not isinstance(known, inspect.StructType | inspect.DataclassType | inspect.TypedDictType):
        return None
    return [_field(each, action.secrets) for each in known.fields]


def data_of_form(fields: list[FormField], form: Mapping[str, str]) -> dict[str, Any]:
    """Return the data of a request from what was entered; an empty field that is not required is left out.

    Raises:
        ValueError: a field holds what is not a number, or not JSON; the text names the field.
    """
    data = {}
    for field in fields:
        entered = form.get(f"field.{field.name}", "")
        if entered or (field.required and field.kind in ("text", "long", "secret")):
            data[field.name] = _value(field, entered)
    return data


def _value(field: FormField, entered: str) -> Any:
    if field.kind in ("text", "long", "secret", "choice"):
        return entered
    try:
        return json.loads(entered)
    except ValueError:
        raise ValueError(field.name) from None


def _field(found: inspect.Field, secrets: frozenset[str]) -> FormField:
    kind, choices = _kind(found.type, found.encode_name, secrets)
    default = "" if found.default in (NODEFAULT, None) else _shown(found.default)
    return FormField(name=found.encode_name, kind=kind, required=found.required, choices=choices, default=default)


def _kind(found: inspect.Type, name: str, secrets: frozenset[str]) -> tuple[Kind, tuple[str, ...]]:
    while isinstance(found, inspect.Metadata):
        found = found.type
    if isinstance(found, inspect.UnionType):
        others = [each for each in found.types if not isinstance(each, inspect.NoneType)]
        return _kind(others[0], name, secrets) if len(others) == 1 else ("json", ())
    if name in secrets:
        return "secret", ()
    if isinstance(found, inspect.LiteralType) and all(isinstance(each, str) for each in found.values):
        return "choice", tuple(map(str, found.values))
    if isinstance(found, inspect.EnumType) and all(isinstance(each.value, str) for each in found.cls):
        return "choice", tuple(str(each.value) for each in found.cls)
    kind = _PLAIN.get(type(found), "json")
    return "long" if kind == "text" and name in _LONG else kind, ()


def _shown(default: Any) -> str:
    value = default.value if isinstance(default, Enum) else default
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except TypeError:
        return ""
