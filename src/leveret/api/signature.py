"""What a function's signature says: its parameters behind the first, with their types, and the type that it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from inspect import Parameter
from types import SimpleNamespace
from typing import Any, Final, get_type_hints

from leveret.api.data import shown_type, unwritable

_REFUSED: Final = {
    Parameter.VAR_POSITIONAL: "*{}: name each parameter instead",
    Parameter.VAR_KEYWORD: "**{}: name each parameter instead",
    Parameter.POSITIONAL_ONLY: "{} by position only: it is given by its name, so leave out the slash",
}


def parameters_of(function: Callable[..., Any], name: str) -> tuple[Parameter, ...]:
    """Return an action's parameters behind the context; each annotation is a type, not a text.

    Args:
        function: the action's.
        name: version and name of the action, for the text of an error.

    Raises:
        ValueError: it takes no context, or a parameter that has no name in a request, no type, or an unknown type.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD):
        raise ValueError(f"{name}: an action takes (context), and behind it its input and its resources")
    return typed(function, parameters[1:], name)


def typed(function: Callable[..., Any], parameters: list[Parameter], name: str) -> tuple[Parameter, ...]:
    """Return parameters with their types.

    Raises:
        ValueError: one cannot be given by its name, has no type, or an unknown type.
    """
    for parameter in parameters:
        if parameter.kind in _REFUSED:
            raise ValueError(f"{name}: it takes {_REFUSED[parameter.kind].format(parameter.name)}")
        if parameter.name not in _annotations(function):
            raise ValueError(f"{name}: its parameter {parameter.name!r} has no type")
    return tuple(each.replace(annotation=type_of(function, each.name, name)) for each in parameters)


def output_of(function: Callable[..., Any], name: str) -> Any:
    """Return the type that an action returns; ``Any`` where it does not say.

    Raises:
        ValueError: the type is not known, or cannot be written as JSON.
    """
    output = type_of(function, "return", name)
    if foreign := unwritable(output):
        what = "which" if foreign is output else f"and {shown_type(foreign)}"
        raise ValueError(f"{name}: it returns {shown_type(output)}, {what} cannot be written as JSON")
    return output


def type_of(function: Callable[..., Any], what: str, name: str) -> Any:
    """Work out one of a function's annotations; the others, such as the context's, may be unknown at run time.

    Raises:
        ValueError: the annotation holds a name that is not known at run time.
    """
    annotations = _annotations(function)
    if what not in annotations:
        return Any
    alone = SimpleNamespace(__annotations__={what: annotations[what]})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(alone, known, include_extras=True)[what]
    except NameError as error:
        text = "import it at run time, or define it outside of any function"
        raise ValueError(f"{name}: {error}, which is in the type of its {what}: {text}") from error


def shown_function(function: Callable[..., Any]) -> str:
    """Return a function's module and name."""
    return f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}"


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    return getattr(function, "__annotations__", {})
