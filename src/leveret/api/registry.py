"""Registers functions as actions, under a version and a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import timedelta
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from leveret.api.action import Action
from leveret.api.context import S
from leveret.api.group import Actions, add
from leveret.api.hooks import Hooks
from leveret.api.lookup import among
from leveret.api.rate_limit import RateLimit
from leveret.api.registration import ActionOptions, action_of, check_options, named, remember, remember_again
from leveret.api.route import Route, RouteOptions, default_route, route_of
from leveret.errors import RequestError, UnknownAction
from leveret.retry import RetryPolicy

F = TypeVar("F", bound=Callable[..., Any])


class Api(Generic[S]):
    """The actions of an application, by version and name."""

    def __init__(self) -> None:
        self._actions: dict[tuple[str, str], Action] = {}
        self._resources: set[Any] = set()
        self._routes: dict[tuple[str, str], Route] = {}

    def action(
        self,
        version: str,
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
        """Register the decorated function.

        It takes the context first. Behind it stand the input and resources. The input is one record (a Struct, a
        dataclass or a TypedDict), or it is plain parameters: ``def sign(context, name: str, age: int = 0)``. A
        parameter of another type, or of one for which the app has a resource, is that resource.

        Args:
            version: such as ``v1``.
            name: as it stands in requests.
            writes: it has an effect; required for exactly-once. Without it, and without ``secret``, its transactions
                refuse to write.
            public: it may be called without a token.
            secret: its response holds a secret and is never stored; not together with ``writes``.
            alone: its requests do not share a transaction with others: for an action that changes a setting of its
                connection, or uses the driver's connection.
            outside: True if it has an effect outside the database, such as a mail; False if it has none although it
                has resources. ``letters redrive --what-if`` runs no action that may have one, because it could not be
                undone.
            deprecated: its callers should stop using it; a text says what to use instead. A worker logs the first call.
            errors: refusals that it raises and that callers have to expect: ``(NotFound, Conflict)``. For whoever reads
                the contract; any other error is answered as it is without them.
            retry: how its requests are retried, in place of the settings. Each delay that the settings do not have gets
                a retry queue of its own.
            timeout: how long one attempt may take, in place of 60 seconds; only for an ``async def`` action. The
                worker's watchdog must wait longer.
            rate_limit: how many requests of this action each principal may have executed, in all workers together,
                beside the limit of the settings; not together with ``public``. Versions that inherit the action share
                it.

        Raises:
            ValueError: the name is taken; or version or name is empty, longer than the tables take, or holds blanks or
                what cannot be printed; or a parameter has no type, or cannot be given by its name; or a type is not
                known at run time, or what the function returns cannot be written as JSON; or an error is not a
                ``RequestError``; or a timeout is not positive, or is that of a ``def`` action; or options contradict
                each other.
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
        check_options(options, f"{version}.{name}")

        def register(function: F) -> F:
            action = action_of(version, name, function, options)
            self._add(action)
            remember(function, self.find(version, name))
            return function

        return register

    def include(self, actions: Actions) -> None:
        """Register every action of a group.

        Raises:
            ValueError: a name is taken.
        """
        for action in actions.taken():
            self._add(action)

    def inherit(self, version: str, *, parent: str) -> None:
        """Register every action of another version in this one, unless this one has an action of that name."""
        for action in [action for action in self if action.version == parent]:
            if (version, action.name) not in self._actions:
                self._add(replace(action, version=version))

    def find(self, version: str, name: str) -> Action:
        """Return the action.

        Raises:
            UnknownAction: no action has that version and name.
        """
        try:
            return self._actions[version, name]
        except KeyError:
            raise UnknownAction(f"Unknown action: {version}.{name}") from None

    def route(
        self,
        pattern: str,
        action: Callable[..., Any] | str,
        *,
        status: int = 200,
        needs_key: bool | None = None,
        needs: Sequence[str] = (),
        etag: str = "",
        if_match: str = "",
        needs_match: bool = False,
        location: str = "",
    ) -> None:
        """Let callers reach an action over HTTP: ``app.route("GET /api/v1/tasks/{task_id}", get_task)``.

        The gateway serves it. What stands in braces are fields of the action's input, as are the query of a GET or a
        DELETE, and the JSON object in the body of the other methods. Where several routes fit a path, one in which a
        segment is written out goes before one with a parameter there. An application without routes has
        ``POST /v1/actions/sign`` for each of its actions.

        Args:
            pattern: method and path; the path is case sensitive, and a slash at its end counts.
            action: the registered function, or version and name, such as ``"v2.get_task"``.
            status: of an answer that is no error; one of 204 has no body.
            needs_key: whether a request without an ``Idempotency-Key`` is refused; by default if it is a POST of an
                action that writes, because a repeated POST would have its effect again.
            needs: names of input fields that have to be given here, although the action does without them.
            etag: name of the field of the output that counts the changes of what is shown. From it the answer gets its
                ``ETag``, and a GET with a fitting ``If-None-Match`` is answered 304.
            if_match: name of the input field that takes such a number. ``If-Match`` becomes this field; the action
                answers ``conflict``, with this field in the details, if the number has changed.
            needs_match: whether a request without ``If-Match`` is refused.
            location: path of what the action has made, such as ``/api/v1/tasks/{id}``, with fields of its output.

        Raises:
            ValueError: it is no method and path; the function is not an action, or is several; a field is not one of
                the input or the output; the status is not one of success; it is a GET of an action that writes;
                options contradict each other; or another route has that method and path.
            UnknownAction: no action has that version and name.
        """
        found = self.find(*action.split(".", 1)) if isinstance(action, str) and "." in action else named(action)
        options = RouteOptions(
            status=status,
            needs_key=needs_key,
            needs=tuple(needs),
            etag=etag,
            if_match=if_match,
            needs_match=needs_match,
            location=location,
        )
        route = route_of(pattern, found, options)
        if before := self._routes.get(route.shape):
            raise ValueError(f"{route.pattern} is declared twice: as {before.path} for {before.full_name} too")
        self._routes[route.shape] = route

    @property
    def routes(self) -> list[Route]:
        """The routes over HTTP in the order in which they are tried; each action has one if none is declared."""
        return sorted(self._routes.values() or map(default_route, self), key=lambda route: (route.order, route.method))

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    @property
    def retry_delays(self) -> frozenset[timedelta]:
        """The delays that its actions have of their own; see `Topology.with_delays`."""
        return frozenset(delay for action in self if action.retry for delay in action.retry.delays)

    def know(self, resources: Iterable[Any]) -> None:
        """Take parameters of these types for resources, in all actions that are registered or will be.

        Raises:
            ValueError: the plain parameters that are left to an action cannot become the fields of a record, or the
                record that is left has a default.
        """
        added = set(resources) - self._resources
        self._resources |= added
        for key, action in self._actions.items():
            self._actions[key] = self._known(action, added)

    def bound(self, resources: Mapping[Any, object], hooks: Hooks) -> Api[S]:
        """Return the same actions with the resources that they want, and with hooks around them."""
        api: Api[S] = Api()
        for action in self:
            api._actions[action.version, action.name] = action.bound(resources, hooks)
        return api

    def choosing(self, choose: Callable[[Action], Action | None]) -> Api[S]:
        """Return an API with what ``choose`` makes of each action; those of which it makes None are left out."""
        api: Api[S] = Api()
        for action in filter(None, map(choose, self)):
            api._actions[action.version, action.name] = action
        return api

    def _add(self, action: Action) -> None:
        add(self._actions, (action.version, action.name), self._known(action, self._resources))

    def _known(self, action: Action, added: Set[Any]) -> Action:
        """Return what an action is with all resources, of which some are added now."""
        if all(among(parameter.annotation, added) is None for parameter in action.parameters):
            return action
        known = action.knowing(self._resources)
        remember_again(known)
        return known
