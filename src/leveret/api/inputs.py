"""What an action takes: a record, plain parameters that become one, or nothing; and which resources it wants."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from inspect import Parameter
from typing import Any

import msgspec
from msgspec import Struct

from leveret.api.data import is_record, secret_fields, why_not_read
from leveret.api.lookup import among


class Input(Struct, frozen=True):
    """What an action takes behind its context.

    Attributes:
        type: what a request's data is read as; None for an action without input.
        record: name of the parameter that takes a value of the type; empty for none.
        fields: names of the plain parameters, which are the fields of the type; empty for none.
        spread: whether all of these parameters come first and take their values by position.
        wants: the resources: the type of each by the name of its parameter.
    """

    type: Any = None
    record: str = ""
    fields: tuple[str, ...] = ()
    spread: bool = False
    wants: Mapping[str, Any] = {}

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the fields, at any depth, that must never be written down."""
        return secret_fields(self.type)


def input_of(parameters: Sequence[Parameter], name: str, resources: Collection[Any] = ()) -> Input:
    """Tell data from resources, and return both.

    A parameter whose type is that of a resource is a resource, also beside None. Otherwise it is data if JSON can be
    read as its type. If it is neither it wants a resource that is missing, unless it has a default.

    Args:
        parameters: those behind the context, with their types.
        name: version and name of the action, for texts and for the name of the type.
        resources: the types of which there are resources.

    Raises:
        ValueError: the plain parameters cannot become the fields of a record, or a record has a default.
    """
    data: list[Parameter] = []
    wants: dict[str, Any] = {}
    for parameter in parameters:
        if (kind := among(parameter.annotation, resources)) is not None:
            wants[parameter.name] = kind
        elif not why_not_read(parameter.annotation):
            data.append(parameter)
        elif parameter.default is Parameter.empty:
            wants[parameter.name] = parameter.annotation
    if not data:
        return Input(wants=wants)
    first = [parameter.name for parameter in data] == [parameter.name for parameter in parameters[: len(data)]]
    spread = first and all(parameter.kind is Parameter.POSITIONAL_OR_KEYWORD for parameter in data)
    if len(data) == 1 and is_record(data[0].annotation):
        if data[0].default is not Parameter.empty:  # an object is always sent, so it would never be used
            raise ValueError(f"{name}: its record {data[0].name!r} cannot have a default: give its fields defaults")
        return Input(data[0].annotation, record=data[0].name, spread=spread, wants=wants)
    fields = tuple(parameter.name for parameter in data)
    return Input(_record(data, name), fields=fields, spread=spread, wants=wants)


def _record(parameters: Sequence[Parameter], name: str) -> Any:
    """Make the record whose fields are plain parameters; it is named for the action."""
    title = "".join(word[:1].upper() + word[1:] for word in re.findall(r"[^\W_]+", name))
    try:
        return msgspec.defstruct(f"{title}Input", list(map(_field, parameters)), frozen=True, kw_only=True)
    except (TypeError, ValueError, RuntimeError) as error:  # a default that can change, or a name such as __slots__
        raise ValueError(f"{name}: its parameters cannot become an input: {error}") from error


def _field(parameter: Parameter) -> tuple[str, Any] | tuple[str, Any, Any]:
    if parameter.default is Parameter.empty:
        return parameter.name, parameter.annotation
    return parameter.name, parameter.annotation, parameter.default
