"""A registered function, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from leveret.api.called import data_of
from leveret.errors import InvalidRequest, RequestError
from leveret.wire.words import in_words


class Action(Struct, frozen=True):
    """A registered function.

    Attributes:
        version: such as ``v1``.
        name: such as ``create_task``.
        function: ``(context)`` or ``(context, input)``; ``def`` runs in a lane, ``async def`` in the event loop.
        input: type of the input, or None for an action without one.
        writes: it has an effect, so its response is stored, and sent again when the id comes again.
        public: it may be called without a token.
        secret: its response is never stored.
        secrets: names of input fields that must never be written down.
        is_async: it runs in the event loop.
        alone: its requests do not share a transaction with others.
        output: type of what the function returns; ``Any`` where it does not say.
        description: the function's docstring, without its indentation; empty for none.
        errors: refusals that its callers have to expect, beside those that any action may answer.
    """

    version: str
    name: str
    function: Callable[..., Any]
    input: Any
    writes: bool
    public: bool
    secret: bool
    secrets: frozenset[str]
    is_async: bool
    alone: bool = False
    output: Any = Any
    description: str = ""
    errors: tuple[type[RequestError], ...] = ()

    @property
    def plain(self) -> frozenset[str]:
        """Names of the input fields that are not secret here; in another action a field of that name may be."""
        if not (isinstance(self.input, type) and issubclass(self.input, Struct)):
            return frozenset()
        return frozenset(self.input.__struct_encode_fields__) - self.secrets

    def arguments(self, data: Mapping[str, Any]) -> tuple[Any, ...]:
        """Check the input against its type, and return the arguments behind the context: none or one.

        Raises:
            InvalidRequest: it does not fit; the text says which field and why.
        """
        if self.input is None:
            return ()
        try:
            return (msgspec.convert(data, self.input),)
        except msgspec.ValidationError as error:
            raise InvalidRequest(in_words(error)) from error

    def data_of(self, given: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
        """Return the data of a request whose caller gives these arguments behind the context.

        Raises:
            TypeError: the function does not take them.
        """
        return data_of(self.function, f"{self.version}.{self.name}", given, named)
