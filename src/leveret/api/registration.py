"""From a function to an action: what its signature says, and what it was registered with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from leveret.api.action import Action
from leveret.api.calling import calling
from leveret.api.inputs import input_of
from leveret.api.rate_limit import RateLimit
from leveret.api.signature import output_of, parameters_of
from leveret.errors import RequestError
from leveret.retry import RetryPolicy

LONGEST_VERSION: Final = 32
"""Characters of a version: the length of its column in ``processed_requests``."""

LONGEST_NAME: Final = 64
"""Characters of an action's name: the length of its column in ``processed_requests``."""


class ActionOptions(Struct, frozen=True, kw_only=True):
    """What an action is registered with beside its name; see ``Api.action``."""

    writes: bool = False
    public: bool = False
    secret: bool = False
    alone: bool = False
    outside: bool | None = None
    deprecated: bool | str = False
    errors: tuple[type[RequestError], ...] = ()
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    rate_limit: RateLimit | None = None


def check_options(options: ActionOptions, name: str) -> None:
    """Check options against each other.

    Raises:
        ValueError: they contradict each other, or an error is not a ``RequestError``.
    """
    if options.writes and options.secret:
        raise ValueError(f"{name}: a response that is never stored cannot make a write happen once only")
    if strangers := [error for error in options.errors if RequestError not in error.__mro__]:
        raise ValueError(f"{name}: {strangers[0].__name__} is not a RequestError, so no caller gets it")
    if options.timeout is not None and options.timeout <= timedelta(0):
        raise ValueError(f"{name}: a timeout must be positive, got {options.timeout}")
    if options.public and options.rate_limit is not None:
        raise ValueError(f"{name}: a rate limit counts the requests of each principal, and a public action has none")


def action_of(version: str, name: str, function: Callable[..., Any], options: ActionOptions) -> Action:
    """Make an action of a function.

    Raises:
        ValueError: the version or the name cannot stand in the tables or in a line of the log; or the function does
            not take what an action takes, or does not return what can be written; or a ``def`` action has a timeout.
    """
    _check_name("version", version, LONGEST_VERSION)
    _check_name("name", name, LONGEST_NAME)
    full_name = f"{version}.{name}"
    parameters = parameters_of(function, full_name)
    takes = input_of(parameters, full_name)
    call = calling(function, takes, {}, None)
    is_async = inspect.iscoroutinefunction(function)
    if options.timeout is not None and not is_async:
        raise ValueError(
            f"{full_name}: only an `async def` action can have a timeout, because a thread cannot be stopped. The time "
            "of a `def` action is limited by the database: PostgreSQL's statement_timeout ends its statements"
        )
    return Action(
        version=version,
        name=name,
        function=function,
        parameters=parameters,
        takes=takes,
        call=call.function,
        one_by_one=call.one_by_one,
        output=output_of(function, full_name),
        description=inspect.getdoc(function) or "",
        writes=options.writes,
        public=options.public,
        secret=options.secret,
        secrets=takes.secrets,
        is_async=is_async,
        alone=options.alone,
        outside=options.outside,
        deprecated=options.deprecated,
        errors=options.errors,
        retry=options.retry,
        timeout=options.timeout,
        rate_limit=replace(options.rate_limit, action=full_name) if options.rate_limit else None,
    )


def remember(function: Callable[..., Any], action: Action) -> None:
    """Write on a function which action it is, for callers who name it by the function."""
    with suppress(AttributeError):  # some callables take no attributes; they are called by name
        function.__leveret_actions__ = (*_others(function, action), action)  # type: ignore[attr-defined]  # its purpose


def remember_again(action: Action) -> None:
    """Write on its function what is known better about an action by now, if it was written there before."""
    if len(_others(action.function, action)) < len(_remembered(action.function)):
        remember(action.function, action)


def named(function: Any) -> Action:
    """Return the action that a function was registered as.

    Raises:
        ValueError: it was not, or under several names.
    """
    known = _remembered(function)
    if len(known) == 1:
        return known[0]
    shown = getattr(function, "__qualname__", repr(function))
    if not known:
        raise ValueError(f"{shown} is not registered as an action: register it first, or write 'v1.name'")
    raise ValueError(
        f"{shown} is registered as {', '.join(each.full_name for each in known)}: write which one is meant"
    )


def _remembered(function: Callable[..., Any]) -> tuple[Action, ...]:
    return getattr(function, "__leveret_actions__", ())


def _others(function: Callable[..., Any], action: Action) -> list[Action]:
    return [other for other in _remembered(function) if other.full_name != action.full_name]


def _check_name(what: str, text: str, most: int) -> None:
    if not (0 < len(text) <= most and text.isprintable() and not any(map(str.isspace, text))):
        expected = f"1 to {most} printable characters without blanks"
        raise ValueError(f"The {what} of an action must have {expected}: {text!a} does not fit")
