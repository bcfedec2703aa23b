"""A call to try, made from an application's own actions."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import inspect

from leveret.api import Action

_TEXTS: Final[Mapping[str, str]] = {
    "email": "ada@example.com",
    "first_name": "Ada",
    "full_name": "Ada",
    "id": "1",
    "last_name": "Lovelace",
    "name": "Ada",
    "password": "correct-horse",
    "url": "https://example.com/",
    "user": "ada",
}
"""Values for fields with a usual name."""

_LONG: Final = "abcdefghijklmnopqrstuvwxyz"
_DEEPEST: Final = 8


class NoExample(Exception):
    """No value can be made up that fits."""


def example_action(actions: Iterable[Action]) -> Action | None:
    """Return the action to try: a public one of the application's own first, then any; None without any."""
    known = list(actions)
    own = [action for action in known if action.name != "health_check"]
    return next((action for action in own if action.public), None) or next(iter(own or known), None)


def example_words(action: Action) -> list[str] | None:
    """Return the words behind an action's name in a call to try, ready for a shell; None if no input can be made up.

    Lists and objects stand as JSON: ``tags:=[1]``. Fields that have a default are left out.
    """
    words = [] if action.version == "v1" else ["--version", action.version]
    if action.input is not None:
        try:
            given = _example(inspect.type_info(action.input), "", 0)
            action.arguments(given)
        except Exception:  # an input of which no example is known, or which checks more than its types say
            return None
        words += [_pair(name, value) for name, value in given.items()]
    if not action.public:
        words += ["--token", "TOKEN"]
    return [shlex.quote(word) for word in words]


def _pair(name: str, value: Any) -> str:
    """Write a field as the command ``call`` reads it."""
    if isinstance(value, str):
        return f"{name}={value}"
    plain = isinstance(value, bool | int | float)
    return f"{name}{'=' if plain else ':='}{json.dumps(value)}"


def _example(kind: inspect.Type, name: str, depth: int) -> Any:
    """Return a JSON value of a type.

    Args:
        kind: the type.
        name: name of the field that it belongs to.
        depth: how many types are around it.

    Raises:
        NoExample: no value is known.
    """
    make = _MAKERS.get(type(kind))
    if make is None or depth > _DEEPEST:
        raise NoExample
    return make(kind, name, depth + 1)


def _object(kind: inspect.StructType, _name: str, depth: int) -> dict[str, Any]:
    given = {each.encode_name: _example(each.type, each.encode_name, depth) for each in kind.fields if each.required}
    tag: str | None = getattr(kind, "tag_field", None)
    return given if tag is None else {tag: kind.tag, **given}


def _items(kind: inspect.ListType, name: str, depth: int) -> list[Any]:
    return [_example(kind.item_type, name, depth) for _ in range(kind.min_length or 0)]


def _number(kind: inspect.IntType | inspect.FloatType, _name: str, _depth: int) -> int | float:
    if isinstance(kind, inspect.FloatType) and kind.gt is not None and kind.lt is not None:
        return (kind.gt + kind.lt) / 2
    number = 1 if kind.multiple_of is None else kind.multiple_of
    low = kind.ge if kind.gt is None else kind.gt + 1
    high = kind.le if kind.lt is None else kind.lt - 1
    number = number if low is None else max(number, low)
    return number if high is None else min(number, high)


def _text(kind: inspect.StrType, name: str, _depth: int) -> str:
    if kind.pattern is not None:
        raise NoExample
    text = _TEXTS.get(name, "hello")
    if kind.min_length is not None and len(text) < kind.min_length:
        text = (text + _LONG * kind.min_length)[: kind.min_length]
    return text[: kind.max_length]


_MAKERS: Final[Mapping[type[inspect.Type], Callable[[Any, str, int], Any]]] = {
    inspect.Metadata: lambda kind, name, depth: _example(kind.type, name, depth),
    inspect.StructType: _object,
    inspect.DataclassType: _object,
    inspect.TypedDictType: _object,
    inspect.UnionType: lambda kind, name, depth: _example(kind.types[0], name, depth),
    inspect.LiteralType: lambda kind, _name, _depth: kind.values[0],
    inspect.EnumType: lambda kind, _name, _depth: next(iter(kind.cls)).value,
    inspect.BoolType: lambda _kind, _name, _depth: True,
    inspect.NoneType: lambda _kind, _name, _depth: None,
    inspect.IntType: _number,
    inspect.FloatType: _number,
    inspect.StrType: _text,
    inspect.ListType: _items,
    inspect.SetType: _items,
    inspect.FrozenSetType: _items,
    inspect.VarTupleType: _items,
    inspect.TupleType: lambda kind, name, depth: [_example(each, name, depth) for each in kind.item_types],
    inspect.DictType: lambda _kind, _name, _depth: {},
    inspect.AnyType: lambda _kind, _name, _depth: {},
    inspect.DateTimeType: lambda _kind, _name, _depth: "2030-01-31T12:00:00Z",
    inspect.DateType: lambda _kind, _name, _depth: "2030-01-31",
    inspect.TimeType: lambda _kind, _name, _depth: "12:00:00Z",
    inspect.TimeDeltaType: lambda _kind, _name, _depth: "PT5S",
    inspect.UUIDType: lambda _kind, _name, _depth: "6f1c9d20-0d5b-4c7e-9a4e-0f6d1c2b3a49",
    inspect.DecimalType: lambda _kind, _name, _depth: "1.5",
}
