"""Routes: the method and path of HTTP under which an action can be called, and the texts that declare them."""

from __future__ import annotations

import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

import msgspec
from msgspec import Struct

from leveret.api.action import Action

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Methods that a route may have; HEAD and OPTIONS are answered for every path by themselves."""

BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose input is the body; that of the others is the query."""

_PARAMETER: Final = re.compile(r"\{([^{}]*)\}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_SAFE: Final = ("GET",)


class Route(Struct, frozen=True, kw_only=True):
    """One way to call an action over HTTP.

    Attributes:
        method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        path: such as ``/api/v1/tasks/{task_id}``; what stands in braces are fields of the action's input.
        version: version of the action.
        name: name of the action.
        status: of an answer that is no error; one of 204 has no body.
        needs_key: whether a request without an ``Idempotency-Key`` is refused.
        needs: names of input fields that have to be given, although the action does without them.
    """

    method: str
    path: str
    version: str
    name: str
    status: int = 200
    needs_key: bool = False
    needs: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Version and name of the action."""
        return f"{self.version}.{self.name}"

    @property
    def pattern(self) -> str:
        """Method and path, as the route was declared."""
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the input fields that stand in the path, in their order."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def shape(self) -> tuple[str, str]:
        """What no other route may share: method and path, whatever the parameters are called."""
        return self.method, _PARAMETER.sub("{}", self.path)

    @property
    def order(self) -> list[tuple[bool, str]]:
        """By which routes are tried: what is written out goes before a parameter in the same place."""
        return [(True, "") if segment.startswith("{") else (False, segment) for segment in self.path.split("/")]


def route_of(pattern: str, action: Action, *, status: int, needs_key: bool | None, needs: Collection[str]) -> Route:
    """Make a route of how it is declared.

    Args:
        pattern: method and path, such as ``POST /api/v1/tasks/``.
        action: the action behind it.
        status: of an answer that is no error.
        needs_key: whether an ``Idempotency-Key`` is demanded; None for a POST of an action that writes.
        needs: names of input fields that have to be given.

    Raises:
        ValueError: it is no method and path; a parameter is not a field of the input, or stands there twice; the status
            is not one of success; or it is a GET of an action that writes.
    """
    method, _, path = pattern.partition(" ")
    if method not in METHODS:
        raise ValueError(f"{pattern!r} is no route: write a method and a path, as in 'GET /v1/things/{{id}}'")
    _check_path(path, pattern)
    if not (200 <= status < 300 and status in set(HTTPStatus)):
        raise ValueError(f"{pattern}: {status} is not the status of a success")
    if action.writes and method in _SAFE:
        raise ValueError(
            f"{pattern}: {action.full_name} writes, and {method} promises to change nothing (RFC 9110, 9.2.1)"
        )
    route = Route(
        method=method,
        path=path,
        version=action.version,
        name=action.name,
        status=status,
        needs_key=(action.writes and method == "POST") if needs_key is None else needs_key,
        needs=tuple(needs),
    )
    _check_fields(route, action)
    return route


def default_route(action: Action) -> Route:
    """Return the route of an action in an application that declares none: ``POST /v1/actions/sign``."""
    return route_of(f"POST /{action.version}/actions/{action.name}", action, status=200, needs_key=None, needs=())


def _check_path(path: str, pattern: str) -> None:
    segments = path.removesuffix("/").split("/")[1:]
    if not path.startswith("/") or not all(map(_SEGMENT.fullmatch, segments)):
        raise ValueError(f"{pattern!r} is no route: a path is segments of letters, digits and ._~-, or {{parameters}}")


def _check_fields(route: Route, action: Action) -> None:
    known = input_fields(action)
    if len(set(route.parameters)) < len(route.parameters):
        raise ValueError(f"{route.pattern}: a parameter stands there twice")
    if unknown := [name for name in (*route.parameters, *route.needs) if known is not None and name not in known]:
        raise ValueError(f"{route.pattern}: {action.full_name} takes no {unknown[0]!r}")


def input_fields(action: Action) -> tuple[str, ...] | None:
    """Return the names of the fields of an action's input as they stand in requests; None if it is any object."""
    if action.input is None:
        return ()
    known = msgspec.inspect.type_info(action.input)
    if isinstance(known, msgspec.inspect.StructType | msgspec.inspect.DataclassType | msgspec.inspect.TypedDictType):
        return tuple(each.encode_name for each in known.fields)
    return None
