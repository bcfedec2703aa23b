"""From the arguments of an action's function to the data of a request, for callers who name the function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec


def data_of(function: Callable[..., Any], name: str, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a request from the arguments that a caller gives behind the context.

    Args:
        function: the action's.
        name: version and action, for the text of an error.
        given: arguments by position.
        named: arguments by name.

    Raises:
        TypeError: the function does not take these arguments, or a record does not become an object.
    """
    try:
        arguments = _behind_context(function).bind(*given, **named).arguments
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if not arguments:
        return {}
    (record,) = arguments.values()
    data = msgspec.to_builtins(record, str_keys=True)
    if not isinstance(data, dict):
        raise TypeError(
            f"{name}: the data of a request is an object, and {type(record).__name__} is not written as one"
        )
    return data


@lru_cache(maxsize=1024)
def _behind_context(function: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(function)
    return signature.replace(parameters=list(signature.parameters.values())[1:])
