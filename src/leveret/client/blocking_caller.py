"""Calling actions without an event loop: what `leveret.client.caller` does, for programs that wait."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from leveret.client.call import ReceivedReply
from leveret.client.caller import DEFAULT_TIMEOUT, Caller

if TYPE_CHECKING:  # a program that calls by name does not load the api
    from leveret.client.signatures import (
        AsyncAction,
        AsyncRecordAction,
        Output,
        P,
        PlainAction,
        PlainRecordAction,
        Record,
        Value,
    )

T = TypeVar("T")


class Runner(Protocol):
    """Runs coroutines in an event loop of another thread."""

    def __call__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the coroutine returns, or raise what it raises."""
        ...


class BlockingCaller:
    """What calls actions and waits: a `BlockingClient`, or what its `using` returns.

    Args:
        caller: what calls.
        runner: runs its calls.
    """

    def __init__(self, caller: Caller, runner: Runner) -> None:
        self._caller = caller
        self._run = runner

    @overload
    def call(
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
    def call(
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
    def call(self, action: AsyncAction[P, Output], /, *given: P.args, **named: P.kwargs) -> Output: ...
    @overload
    def call(self, action: PlainAction[P, Value], /, *given: P.args, **named: P.kwargs) -> Value: ...
    @overload
    def call(self, action: AsyncRecordAction[Record, Output], data: Record, /) -> Output: ...
    @overload
    def call(self, action: PlainRecordAction[Record, Value], data: Record, /) -> Value: ...
    def call(self, action: Any, /, *given: Any, **named: Any) -> Any:  # what may stand there, the overloads say
        """Call an action, by name or by its function, and return its result.

        Arguments and errors are those of `Caller.call`.
        """
        return self._run(lambda: self._caller.call(action, *given, **named))

    def ask(
        self,
        action: str,
        data: Mapping[str, Any] | None = None,
        *,
        version: str = "v1",
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float = DEFAULT_TIMEOUT,
    ) -> ReceivedReply:
        """Call an action as `call` does, but return the whole reply and its bytes, also when it is an error."""
        return self._run(lambda: self._caller.ask(action, data, version=version, token=token, id=id, timeout=timeout))

    def using(
        self,
        *,
        token: str | None = None,
        id: str | None = None,  # noqa: A002 - as in `Caller.ask`
        timeout: float | None = None,
    ) -> BlockingCaller:
        """Return a caller whose calls have these options where they do not have their own; see `Caller.using`."""
        return BlockingCaller(self._caller.using(token=token, id=id, timeout=timeout), self._run)
