"""What surrounds the actions of an app while it works: resources, hooks and the lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Generic, ParamSpec, TypeVar, overload

from msgspec import Struct

from leveret.api.context import S
from leveret.api.data import shown_type
from leveret.api.hooks import AsyncHook, Hook, Hooks
from leveret.api.lifespan import Lifespan, lifespan_of
from leveret.api.opening import opened
from leveret.api.registry import Api
from leveret.api.resources import Resources, Want, missing
from leveret.errors import ResourceError

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")
H = TypeVar("H", bound=Hook | AsyncHook)


class Opened(Struct, Generic[S], frozen=True):
    """An app that is ready to work.

    Attributes:
        api: its actions with their resources, for a worker.
        services: what the lifespan has yielded, for a worker; None without a lifespan.
        resources: the instances by their types.
    """

    api: Api[S]
    services: S
    resources: Mapping[Any, object]


class Runtime(Generic[S]):
    """Resources, hooks and lifespan of an app, and the way in which they are opened around its actions.

    Args:
        api: the actions.
    """

    def __init__(self, api: Api[S]) -> None:
        self._api = api
        self._resources = Resources()
        self._hooks = Hooks()
        self._lifespan: Lifespan | None = None

    def resource(self, function: F) -> F:
        """Register a function that builds what its return type says; see `Resources.add`."""
        self._resources.add(function)
        self._api.know(self._resources.kinds)
        return function

    def around(self, hook: H) -> H:
        """Register a hook around every action of its kind; see `Hooks.adding`."""
        self._hooks = self._hooks.adding(hook)
        return hook

    @overload
    def lifespan(self, function: Callable[P, AsyncIterator[S]]) -> Callable[P, AsyncIterator[S]]: ...
    @overload
    def lifespan(
        self, function: Callable[P, AbstractAsyncContextManager[S]]
    ) -> Callable[P, AbstractAsyncContextManager[S]]: ...
    def lifespan(self, function: Callable[P, Any]) -> Callable[P, Any]:
        """Register the lifespan: ``async def life(settings: Settings)``, which yields ``context.services``.

        It is opened before the resources and closed after them, so it may name only what the app itself gives.

        Raises:
            ValueError: there is one already, or see `lifespan_of`.
        """
        lifespan = lifespan_of(function)
        if self._lifespan is not None:
            raise ValueError(f"An app has one lifespan, and not two: {self._lifespan.name} and {lifespan.name}")
        self._lifespan = lifespan
        return function

    def opened(
        self,
        given: Mapping[Any, object] | None = None,
        replaced: Mapping[Any, object] | None = None,
        actions: Api[S] | None = None,
    ) -> AbstractAsyncContextManager[Opened[S]]:
        """Open the lifespan and the resources that actions want; close them in reverse at the end.

        Args:
            given: instances by their types, which actions and resources may name: the app's settings, for example.
            replaced: instances that stand in the place of others, in a test. What is replaced is not built, nor is
                what only it needs.
            actions: what runs, if not the actions of the app.

        Raises:
            ResourceError: an action, a resource or the lifespan wants one that is missing; resources need each other;
                or something is replaced that would not be there. Nothing has been opened.
            NotClosed: at the end: some of them could not be closed; all others were.
        """
        return self._opened(dict(given or {}), dict(replaced or {}), self._api if actions is None else actions)

    @asynccontextmanager
    async def _opened(
        self, given: dict[Any, object], replaced: dict[Any, object], api: Api[S]
    ) -> AsyncIterator[Opened[S]]:
        instances, life = given | replaced, self._lifespan
        api.know(self._resources.kinds | given.keys())
        ordered, problems = self._resources.ordered(_wants(api), instances)
        problems += life.problems(given) if life else []
        known = self._resources.kinds | given.keys()
        text = "{} cannot be replaced: no resource returns one"
        problems += [text.format(shown_type(kind)) for kind in replaced if kind not in known]
        if problems:
            raise ResourceError(problems)
        async with opened(ordered, instances, life.made(instances) if life else None) as (services, built):
            yield Opened(api.bound(built, self._hooks), services, built)


def check_bound(api: Api[Any]) -> None:
    """Check that actions have the resources that they want.

    Raises:
        ResourceError: some have not.
    """
    if problems := [missing(who, kind) for who, kind in _wants(api)]:
        raise ResourceError(problems)


def _wants(api: Api[Any]) -> Iterator[Want]:
    return ((action.full_name, kind) for action in api for kind in action.takes.wants.values())
