"""An API whose actions have what they name: resources, and the settings, the keyring and the application itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, ParamSpec, TypeVar, overload

from leveret.api import Api, Opened, Runtime
from leveret.api.context import S
from leveret.api.hooks import AsyncHook, Hook
from leveret.auth.keyring import Keyring
from leveret.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
H = TypeVar("H", bound=Hook | AsyncHook)
P = ParamSpec("P")


class ApiWithResources(Api[S]):
    """An API whose actions may have resources, hooks around them, and a lifespan."""

    def __init__(self) -> None:
        super().__init__()
        self._runtime: Runtime[S] = Runtime(self)

    def resource(self, function: F) -> F:
        """Register a function that builds what its return type says, for the actions that name this type.

        ``def mailer(settings: Settings) -> Mailer``, for ``def sign(context, name: str, mailer: Mailer)``. It may be
        async. It may be a generator, which goes on behind its ``yield`` when the worker stops:
        ``def mailer() -> Iterator[Mailer]``. It may name other resources, the application's settings and the keyring.
        It is built once for each worker process, before its first request, and only if an action wants it. Actions in
        several threads use it at the same time.

        Raises:
            ValueError: it does not say what it builds, another function builds that type, or one of its parameters has
                no type, or cannot be given by its name.
        """
        return self._runtime.resource(function)

    def around(self, hook: H) -> H:
        """Register a hook around every action: ``def hook(context, input, call_next)``.

        A ``def`` hook surrounds ``def`` actions, in their transaction and their thread; an ``async def`` hook surrounds
        ``async def`` actions and awaits ``call_next``. It returns what ``call_next(context, input)`` returns.

        Raises:
            ValueError: there is a hook of this kind already, or it does not take these three arguments.
        """
        return self._runtime.around(hook)

    @overload
    def lifespan(self, function: Callable[P, AsyncIterator[S]]) -> Callable[P, AsyncIterator[S]]: ...
    @overload
    def lifespan(
        self, function: Callable[P, AbstractAsyncContextManager[S]]
    ) -> Callable[P, AbstractAsyncContextManager[S]]: ...
    def lifespan(self, function: Callable[P, Any]) -> Callable[P, Any]:
        """Register what is opened before everything else in a worker, and closed after it.

        It is an ``async def`` function that yields ``context.services``, decorated with ``asynccontextmanager`` or not.
        By their types it may name the application's settings, the keyring and the application.

        Raises:
            ValueError: there is one already, it does not yield, or one of its parameters has no type.
        """
        return self._runtime.lifespan(function)

    def opened(
        self,
        settings: Settings,
        keyring: Keyring,
        *,
        replaced: Mapping[Any, object] | None = None,
        actions: Api[S] | None = None,
    ) -> AbstractAsyncContextManager[Opened[S]]:
        """Open lifespan and resources while a block runs; what it yields has the actions for a worker.

        Args:
            settings: the settings, which actions and resources may name by their class.
            keyring: the keyring, which they may name too.
            replaced: instances by type that stand in the place of resources, in a test.
            actions: what runs, if not the application's actions.

        Raises:
            ResourceError: a resource is missing, or resources need each other; nothing has been opened.
            NotClosed: at the end: some of them could not be closed; all others were.
        """
        given: dict[Any, object] = dict.fromkeys(_kinds(type(self), ApiWithResources), self)
        given |= dict.fromkeys(_kinds(type(settings), Settings), settings) | {Keyring: keyring}
        return self._runtime.opened(given, replaced, actions)


def _kinds(kind: type, base: type) -> set[Any]:
    """Return the classes from one up to another: by each of them, actions may name an instance of the first."""
    return {known for known in kind.__mro__ if issubclass(known, base)}
