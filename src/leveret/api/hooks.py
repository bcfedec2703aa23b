"""Hooks: functions around every action."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from inspect import Parameter
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.api.context import Context
from leveret.api.signature import shown_function

CallNext = Callable[[Context[Any], Any], Any]
"""What a ``def`` hook calls: with the context and the input that it got, it runs the action and returns its output."""

AsyncCallNext = Callable[[Context[Any], Any], Awaitable[Any]]
"""What an ``async def`` hook calls and awaits."""

Hook = Callable[[Context[Any], Any, CallNext], Any]
AsyncHook = Callable[[Context[Any], Any, AsyncCallNext], Awaitable[Any]]

_BY_POSITION: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Hooks(Struct, frozen=True):
    """What surrounds the actions of an app.

    Attributes:
        sync: around ``def`` actions, in their transaction and in their lane's thread; None for no hook.
        asynchronous: around ``async def`` actions, in the event loop; None for no hook.
    """

    sync: Hook | None = None
    asynchronous: AsyncHook | None = None

    def of(self, *, is_async: bool) -> Hook | AsyncHook | None:
        """Return the hook around actions of one kind."""
        return self.asynchronous if is_async else self.sync

    def adding(self, hook: Hook | AsyncHook) -> Hooks:
        """Return these hooks and one more.

        Raises:
            ValueError: there is a hook of this kind already, or it does not take ``(context, input, call_next)``.
        """
        name = shown_function(hook)
        parameters = list(inspect.signature(hook).parameters.values())
        if len(parameters) != 3 or any(parameter.kind not in _BY_POSITION for parameter in parameters):
            raise ValueError(f"{name}: a hook takes (context, input, call_next)")
        is_async = inspect.iscoroutinefunction(hook)
        if before := self.of(is_async=is_async):
            kind = "async def" if is_async else "def"
            raise ValueError(f"Two hooks surround {kind} actions: {shown_function(before)} and {name}")
        return replace(self, **{"asynchronous" if is_async else "sync": hook})
