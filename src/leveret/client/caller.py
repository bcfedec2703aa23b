"""Calling actions: by name, or by their functions, so that a type checker knows arguments and result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, overload

from leveret.client.call import ReceivedReply, error_of
from leveret.client.typed import check_type, fitted, registered

if TYPE_CHECKING:  # a program that calls by name does not load the api
    from leveret.api import Action
    from leveret.client.signatures import (
        AsyncAction,
        AsyncRecordAction,
        Output,
        P,
        PlainAction,
        PlainRecordAction,
        Record,
        T,
        Value,
    )

DEFAULT_TIMEOUT: Final = 10.0
"""The timeout of a call in seconds, when the caller does not give one."""


class Caller(ABC):
    """What calls actions: a `Client`, or what its `using` returns."""

    @abstractmethod
    async def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - the word on the wire and in every text about it
        timeout: float = DEFAULT_TIMEOUT,
    ) -> ReceivedReply:
        """Call an action as `call` does, but return the whole reply and its bytes, also when it is an error.

        Raises:
            Overloaded, NotSent, NoAnswer, IdReused: as `call`.
        """

    @overload
    async def call(
        self,
        action: str,
        /,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        result: type[T],
    ) -> T: ...
    @overload
    async def call(
        self,
        action: str,
        /,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        result: object = Any,
    ) -> Any: ...
    @overload
    async def call(self, action: AsyncAction[P, Output], /, *given: P.args, **named: P.kwargs) -> Output: ...
    @overload
    async def call(self, action: PlainAction[P, Value], /, *given: P.args, **named: P.kwargs) -> Value: ...
    @overload
    async def call(self, action: AsyncRecordAction[Record, Output], data: Record, /) -> Output: ...
    @overload
    async def call(self, action: PlainRecordAction[Record, Value], data: Record, /) -> Value: ...
    async def call(self, action: Any, /, *given: Any, **named: Any) -> Any:  # what may stand there, the overloads say
        """Call an action and return its result.

        ``call("sign", {"name": "Ada"}, result=Entry)`` names the action. It returns the reply's ``data``, as a value of
        the type ``result`` where that is given. A type checker knows the type of the value, but for a union: there,
        annotate the variable.

        ``call(sign, name="Ada")`` takes the action's function, with what it takes behind its context, but without its
        resources. It returns what the function returns. A type checker knows both, unless the function has resources
        beside plain parameters. Everything else is set by `using`.

        Args:
            action: name of the action, or its function.
            *given: with a name ``data``, the input, as values that JSON can hold; with a function its arguments.
            **named: with a function its arguments by name. With a name:
                ``version`` of the API, ``v1`` by default;
                ``token``, a JWT, with or without a leading ``Bearer ``;
                ``id``, 1 to 128 printable ASCII characters, a new UUID by default; two calls with the same id and the
                same content share one request while it is in flight;
                ``timeout``, seconds for the whole call: to get a connection, to send the request, to get the reply;
                ``result``, any type that msgspec reads: a record, ``list[Entry]``, ``Entry | None``.

        Raises:
            RequestError: the reply is an error; the class is that of its code (see `leveret.errors.BY_CODE`).
            Overloaded: the queue is at its length limit and did not take the request; ``details["retry_after"]`` is how
                many seconds to wait before calling again.
            NotSent: the broker has certainly not accepted the request.
            NoAnswer: no reply in time, or one that cannot be read. The action may have been executed; call again with
                the same id.
            IdReused: another request with the same id is in flight.
            UnexpectedResult: the action was executed, but its result is not of the type ``result``, or not of the type
                that the function returns.
            TypeError: msgspec cannot read ``result``, or the function does not take these arguments; nothing was sent.
            ValueError: the function is not an action, or is more than one; nothing was sent.
        """
        result = Any
        if isinstance(action, str):
            if "result" in named:
                result = named.pop("result")
                check_type(result)
            received = await self.ask(action, *given, **named)
        else:
            found = self._action(action)
            action, result = found.name, found.output
            received = await self.ask(action, found.data_of(given, named), version=found.version)
        if received.reply.status == "error":
            raise error_of(received.reply)
        return received.reply.data if result is Any else fitted(received, action, result)

    def _action(self, function: Any) -> Action:
        """Return the action that a function is; see `registered`."""
        return registered(function)

    def using(
        self,
        *,
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `ask`
        timeout: float | None = None,
    ) -> Caller:
        """Return a caller whose calls have these options where they do not have their own.

        ``client.using(token=token).call(sign, name="Ada")``: whatever stands behind the function belongs to the action,
        so options have their place here. With an id, use it for one request.
        """
        return _Using(self, token, id, timeout)


class _Using(Caller):
    """Calls with options of its own."""

    def __init__(self, caller: Caller, token: str | None, request_id: str | None, timeout: float | None) -> None:
        self._caller = caller
        self._token, self._id, self._timeout = token, request_id, timeout

    def _action(self, function: Any) -> Action:
        return self._caller._action(function)

    async def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float | None = None,
    ) -> ReceivedReply:
        limit = self._timeout if timeout is None else timeout
        return await self._caller.ask(
            action,
            data,
            version=version,
            token=self._token if token is None else token,
            id=self._id if id is None else id,
            timeout=DEFAULT_TIMEOUT if limit is None else limit,
        )
