"""From the arguments of an action's function to the data of a request, for callers who name the function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any

import msgspec

from leveret.api.inputs import Input


def data_of(
    parameters: Sequence[Parameter], takes: Input, name: str, given: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the data of a request from the arguments that a caller gives behind the context.

    Args:
        parameters: those of the action's function behind the context.
        takes: which of them are the input; callers do not give resources.
        name: version and action, for the text of an error.
        given: arguments by position.
        named: arguments by name.

    Raises:
        TypeError: the function does not take these arguments, or a record does not become an object.
    """
    wanted = takes.fields or (takes.record,)
    try:
        signature = Signature([parameter for parameter in parameters if parameter.name in wanted])
        arguments = signature.bind(*given, **named).arguments
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    value = arguments.get(takes.record, arguments)
    data = msgspec.to_builtins(value, str_keys=True)
    if not isinstance(data, dict):
        raise TypeError(f"{name}: the data of a request is an object, and {type(value).__name__} is not written as one")
    return data
