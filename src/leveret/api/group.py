"""Actions of one version that are registered apart from an ``Api``, in a file of their own, and included in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from leveret.api.action import Action
from leveret.api.rate_limit import RateLimit
from leveret.api.registration import ActionOptions, action_of, check_options, remember
from leveret.api.signature import shown_function
from leveret.errors import RequestError
from leveret.retry import RetryPolicy

F = TypeVar("F", bound=Callable[..., Any])


class Actions:
    """A group of actions of one version; several ``Api`` may include it.

    Args:
        version: such as ``v1``.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._actions: dict[str, Action] = {}
        self._included = False

    def action(
        self,
        name: str,
        *,
        writes: bool = False,
        public: bool = False,
        secret: bool = False,
        alone: bool = False,
        outside: bool | None = None,
        deprecated: bool | str = False,
        errors: Sequence[type[RequestError]] = (),
        retry: RetryPolicy | None = None,
        timeout: timedelta | None = None,
        rate_limit: RateLimit | None = None,
    ) -> Callable[[F], F]:
        """Register the decorated function in this group; the arguments are those of ``Api.action``.

        Raises:
            ValueError: as ``Api.action``; or the group is included already, and the action would be missing there.
        """
        options = ActionOptions(
            writes=writes,
            public=public,
            secret=secret,
            alone=alone,
            outside=outside,
            deprecated=deprecated,
            errors=tuple(errors),
            retry=retry,
            timeout=timeout,
            rate_limit=rate_limit,
        )
        check_options(options, f"{self.version}.{name}")

        def register(function: F) -> F:
            if self._included:
                raise ValueError(f"{self.version}.{name} comes too late: its group is included already")
            action = action_of(self.version, name, function, options)
            add(self._actions, name, action)
            remember(function, action)
            return function

        return register

    def taken(self) -> Iterator[Action]:
        """Return the actions for an ``Api`` that includes them; from now on no action can be added."""
        self._included = True
        return iter(self._actions.values())

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())


def add(actions: dict[Any, Action], key: Any, action: Action) -> None:
    """Add an action to others.

    Raises:
        ValueError: there is one of that version and name.
    """
    if before := actions.get(key):
        names = f"{shown_function(before.function)} and {shown_function(action.function)}"
        raise ValueError(f"Action {action.full_name} is registered twice: {names}")
    actions[key] = action
