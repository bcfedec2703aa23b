"""A registered function, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from inspect import Parameter
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from leveret.api.called import data_of
from leveret.api.calling import calling
from leveret.api.hooks import Hooks
from leveret.api.inputs import Input, input_of
from leveret.api.rate_limit import RateLimit
from leveret.errors import InvalidRequest, RequestError
from leveret.retry import RetryPolicy
from leveret.wire.words import in_words


class Action(Struct, frozen=True, kw_only=True):
    """A registered function.

    Attributes:
        version: such as ``v1``.
        name: such as ``create_task``.
        function: the registered one; ``def`` runs in a lane, ``async def`` in the event loop.
        parameters: those of the function behind the context, with their types.
        takes: which of them are its input, and which are resources.
        call: what a worker calls with the context and what ``arguments`` returns: the function itself, unless it has
            resources or a hook around it, or takes fields by name only.
        one_by_one: whether ``call`` takes the fields of the input, each by itself.
        output: type of what the function returns; ``Any`` where it does not say.
        description: the function's docstring, without its indentation; empty for none.
        writes: it has an effect, so its response is stored, and sent again when the id comes again.
        public: it may be called without a token.
        secret: its response is never stored.
        secrets: names of input fields that must never be written down.
        is_async: it runs in the event loop.
        alone: its requests do not share a transaction with others.
        outside: whether it has an effect outside the database; None where nobody has said.
        deprecated: whether callers should stop using it; a text says what to use instead.
        errors: refusals that its callers have to expect, beside those that any action may answer.
        retry: how its requests are retried; None for the worker's policy.
        timeout: how long one attempt of an ``async def`` action may take; None for the worker's limit.
        rate_limit: how many of its requests each principal may have executed, beside the worker's limit; None for any.
    """

    version: str
    name: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    takes: Input
    call: Callable[..., Any]
    one_by_one: bool
    output: Any = Any
    description: str = ""
    writes: bool = False
    public: bool = False
    secret: bool = False
    secrets: frozenset[str] = frozenset()
    is_async: bool = False
    alone: bool = False
    outside: bool | None = None
    deprecated: bool | str = False
    errors: tuple[type[RequestError], ...] = ()
    retry: RetryPolicy | None = None
    timeout: timedelta | None = None
    rate_limit: RateLimit | None = None

    @property
    def input(self) -> Any:
        """Type of the input, or None for an action without one."""
        return self.takes.type

    @property
    def full_name(self) -> str:
        """Version and name, as in the log."""
        return f"{self.version}.{self.name}"

    @property
    def plain(self) -> frozenset[str]:
        """Names of the input fields that are not secret here; in another action a field of that name may be."""
        if not (isinstance(self.input, type) and issubclass(self.input, Struct)):
            return frozenset()
        return frozenset(self.input.__struct_encode_fields__) - self.secrets

    def arguments(self, data: Mapping[str, Any]) -> tuple[Any, ...]:
        """Check the input against its type, and return what ``call`` takes behind the context.

        Raises:
            InvalidRequest: it does not fit; the text says which field and why. Of several fields it names the one that
                comes first in the alphabet, because the order in an object of JSON means nothing (RFC 8259, section 4).
        """
        if self.takes.type is None:
            return ()
        try:
            given = msgspec.convert(data, self.takes.type, str_keys=True)
        except msgspec.ValidationError:
            given = self._first_wrong(data)
        return astuple(given) if self.one_by_one else (given,)

    def _first_wrong(self, data: Mapping[str, Any]) -> Any:
        """Raise the error that input has when its names are sorted."""
        try:
            return msgspec.convert(msgspec.to_builtins(data, order="sorted"), self.takes.type, str_keys=True)
        except msgspec.ValidationError as error:
            raise InvalidRequest(in_words(error)) from error

    def data_of(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of a request whose caller gives these arguments behind the context.

        Raises:
            TypeError: the function does not take them.
        """
        return data_of(self.parameters, self.takes, self.full_name, given, named)

    def knowing(self, resources: Collection[Any]) -> Action:
        """Return this action as it is when these types are those of resources, and no others are.

        Raises:
            ValueError: its plain parameters cannot become the fields of a record, or its record has a default.
        """
        takes = input_of(self.parameters, self.full_name, resources)
        call = calling(self.function, takes, {}, None)
        return replace(self, takes=takes, secrets=takes.secrets, call=call.function, one_by_one=call.one_by_one)

    def bound(self, resources: Mapping[Any, object], hooks: Hooks) -> Action:
        """Return this action with the resources that it wants, and with the hook around it."""
        given = {name: resources[kind] for name, kind in self.takes.wants.items()}
        call = calling(self.function, self.takes, given, hooks.of(is_async=self.is_async))
        return replace(self, takes=replace(self.takes, wants={}), call=call.function, one_by_one=call.one_by_one)
