"""How the function of an action is called: with its context, its input and its resources, and a hook around it.

All of it is put together once, when a worker starts. Without resources and hooks the function itself is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, astuple

from leveret.api.inputs import Input

Function = Callable[..., Any]


class Invocation(Struct, frozen=True):
    """How a worker calls an action.

    Attributes:
        function: takes the context, and what is behind it.
        one_by_one: whether the fields of the input stand behind the context, each by itself, and not the input.
    """

    function: Function
    one_by_one: bool = False


def calling(function: Function, takes: Input, resources: Mapping[str, Any], hook: Function | None) -> Invocation:
    """Return how a worker calls a function.

    Args:
        function: the action's.
        takes: what it takes behind the context.
        resources: its resources by the names of their parameters.
        hook: what surrounds it; None for nothing.
    """
    inner = partial(function, **resources) if resources else function
    if hook is not None:
        return Invocation(_surrounded(_taking_input(inner, takes), hook))
    if takes.type is None or takes.spread:
        return Invocation(inner, one_by_one=bool(takes.fields))
    return Invocation(_taking_input(inner, takes))


def _taking_input(function: Function, takes: Input) -> Function:
    """Return a function of the context and the input, for one that takes the input in its own way."""
    if takes.type is None:
        return lambda context, _: function(context)
    if takes.record:
        name = takes.record
        return function if takes.spread else lambda context, given: function(context, **{name: given})
    if takes.spread:
        return lambda context, given: function(context, *astuple(given))
    return lambda context, given: function(context, **asdict(given))


def _surrounded(function: Function, hook: Function) -> Function:
    """Return what calls a hook, so that what it sets in its context does not reach other requests.

    An ``async def`` action has a task with a context of its own; the thread of ``def`` actions has one for all.
    """
    if not inspect.iscoroutinefunction(hook):
        return lambda context, given=None: copy_context().run(hook, context, given, function)
    return lambda context, given=None: hook(context, given, function)
