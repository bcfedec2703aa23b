"""Types of input and output: what a function's signature says of them, and which fields are secret."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec import Meta, Struct

T = TypeVar("T")

Secret = Annotated[T, Meta(extra={"secret": True})]
"""The type of an input field that must never be written down: ``password: Secret[str]``."""


def input_type(function: Callable[..., Any], name: str) -> Any:
    """Return the type of an action's input; None for an action without one.

    Raises:
        ValueError: its parameters are not ``(context)`` or ``(context, input)``, or the input's type is not known.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) not in (1, 2):
        raise ValueError(f"{name}: an action takes (context) or (context, input), not {len(parameters)} parameters")
    if len(parameters) == 1:
        return None
    wanted = parameters[1].name
    if wanted not in _annotations(function):
        raise ValueError(f"{name}: its input {wanted!r} has no type")
    return type_of(function, wanted, name)


def type_of(function: Callable[..., Any], what: str, name: str) -> Any:
    """Work out one of a function's annotations; the others, such as the context's, may be unknown at run time."""
    annotations = _annotations(function)
    if what not in annotations:
        return Any
    alone = SimpleNamespace(__annotations__={what: annotations[what]})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(alone, known, include_extras=True)[what]
    except NameError as error:
        raise ValueError(f"{name}: {error}, which is in the type of its {what}: import it at run time") from error


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    return getattr(function, "__annotations__", {})


def secret_fields(wanted: Any) -> frozenset[str]:
    """Return the names of an input's fields that must never be written down."""
    if not (isinstance(wanted, type) and issubclass(wanted, Struct)):
        return frozenset()
    fields = msgspec.inspect.type_info(wanted)
    if not isinstance(fields, msgspec.inspect.StructType):
        return frozenset()
    return frozenset(field.encode_name for field in fields.fields if _is_secret(field.type))


def _is_secret(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.Metadata) and bool((kind.extra or {}).get("secret"))
