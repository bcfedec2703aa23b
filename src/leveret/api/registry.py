"""Registers functions as actions, under a version and a name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import msgspec

from leveret.api.action import Action
from leveret.api.context import S
from leveret.api.inputs import input_type, secret_fields, type_of
from leveret.errors import RequestError, UnknownAction

LONGEST_VERSION: Final = 32
"""Characters of a version: the length of its column in ``processed_requests``."""

LONGEST_NAME: Final = 64
"""Characters of an action's name: the length of its column in ``processed_requests``."""

F = TypeVar("F", bound=Callable[..., Any])


class Api(Generic[S]):
    """The actions of an application, by version and name."""

    def __init__(self) -> None:
        self._actions: dict[tuple[str, str], Action] = {}

    def action(
        self,
        version: str,
        name: str,
        *,
        writes: bool = False,
        public: bool = False,
        secret: bool = False,
        alone: bool = False,
        errors: Sequence[type[RequestError]] = (),
    ) -> Callable[[F], F]:
        """Register the decorated function.

        Args:
            version: such as ``v1``.
            name: as it stands in requests.
            writes: it has an effect; required for exactly-once. Without it, and without ``secret``, its transactions
                refuse to write.
            public: it may be called without a token.
            secret: its response holds a secret and is never stored; not together with ``writes``.
            alone: its requests do not share a transaction with others: for an action that changes a setting of its
                connection, or uses the driver's connection.
            errors: refusals that it raises and that callers have to expect: ``(NotFound, Conflict)``. For whoever reads
                the contract; any other error is answered as it is without them.

        Raises:
            ValueError: the name is taken, or the function's parameters are not ``(context)`` or ``(context, input)``;
                or version or name is empty, longer than the tables take, or holds blanks or what cannot be printed;
                or the type of its input or output is not known, or an error is not a ``RequestError``.
        """
        if writes and secret:
            raise ValueError(f"{version}.{name}: a response that is never stored cannot make a write happen once only")
        if strangers := [error for error in errors if RequestError not in error.__mro__]:
            raise ValueError(f"{version}.{name}: {strangers[0].__name__} is not a RequestError, so no caller gets it")

        def register(function: F) -> F:
            wanted, output = (
                input_type(function, f"{version}.{name}"),
                type_of(function, "return", f"{version}.{name}"),
            )
            secrets, is_async = secret_fields(wanted), inspect.iscoroutinefunction(function)
            what = version, name, function, wanted, writes, public, secret, secrets, is_async, alone
            action = Action(*what, output, inspect.getdoc(function) or "", tuple(errors))
            self._add(action)
            _remember(function, action)
            return function

        return register

    def inherit(self, version: str, *, parent: str) -> None:
        """Register every action of another version in this one, unless this one has an action of that name."""
        for action in [action for action in self if action.version == parent]:
            if (version, action.name) not in self._actions:
                self._add(msgspec.structs.replace(action, version=version))

    def find(self, version: str, name: str) -> Action:
        """Return the action.

        Raises:
            UnknownAction: no action has that version and name.
        """
        try:
            return self._actions[version, name]
        except KeyError:
            raise UnknownAction(f"Unknown action: {version}.{name}") from None

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def _add(self, action: Action) -> None:
        _check_name("version", action.version, LONGEST_VERSION)
        _check_name("name", action.name, LONGEST_NAME)
        key = action.version, action.name
        if key in self._actions:
            raise ValueError(f"Action {action.version}.{action.name} is registered twice")
        self._actions[key] = action


def _check_name(what: str, text: str, most: int) -> None:
    if not (0 < len(text) <= most and text.isprintable() and not any(map(str.isspace, text))):
        expected = f"1 to {most} printable characters without blanks"
        raise ValueError(f"The {what} of an action must have {expected}: {text!a} does not fit")


def _remember(function: F, action: Action) -> None:
    """Write on a function which action it is, for callers who name it by the function."""
    before: tuple[Action, ...] = getattr(function, "__leveret_actions__", ())
    others = [other for other in before if (other.version, other.name) != (action.version, action.name)]
    with suppress(AttributeError):  # some callables take no attributes; they are called by name
        function.__leveret_actions__ = (*others, action)  # type: ignore[attr-defined]  # that is its purpose
