"""Routes: the method and path of HTTP under which an action can be called, and the texts that declare them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

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
        etag: name of the field of the output that is the version of what is shown; empty for none.
        if_match: name of the input field that takes the version which ``If-Match`` demands; empty for none.
        needs_match: whether a request without ``If-Match`` is refused.
        location: path of what was made, with fields of the output in braces; empty for none.
    """

    method: str
    path: str
    version: str
    name: str
    status: int = 200
    needs_key: bool = False
    needs: tuple[str, ...] = ()
    etag: str = ""
    if_match: str = ""
    needs_match: bool = False
    location: str = ""

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


class RouteOptions(Struct, frozen=True, kw_only=True):
    """What a route is declared with beside its method, path and action; see ``Api.route``."""

    status: int = 200
    needs_key: bool | None = None
    needs: tuple[str, ...] = ()
    etag: str = ""
    if_match: str = ""
    needs_match: bool = False
    location: str = ""


def route_of(pattern: str, action: Action, options: RouteOptions) -> Route:
    """Make a route of how it is declared.

    Raises:
        ValueError: it is no method and path; a field is not one of the input or output, or stands in the path twice;
            the status is not one of success; it is a GET of an action that writes; or options contradict each other.
    """
    method, _, path = pattern.partition(" ")
    if method not in METHODS:
        raise ValueError(f"{pattern!r} is no route: write a method and a path, as in 'GET /v1/things/{{id}}'")
    _check_path(path, pattern)
    if not (200 <= options.status < 300 and options.status in set(HTTPStatus)):
        raise ValueError(f"{pattern}: {options.status} is not the status of a success")
    if action.writes and method in _SAFE:
        raise ValueError(
            f"{pattern}: {action.full_name} writes, and {method} promises to change nothing (RFC 9110, 9.2.1)"
        )
    if options.needs_match and not options.if_match:
        raise ValueError(f"{pattern}: needs_match says that If-Match is needed, and if_match not where it goes")
    route = Route(
        method=method,
        path=path,
        version=action.version,
        name=action.name,
        status=options.status,
        needs_key=(action.writes and method == "POST") if options.needs_key is None else options.needs_key,
        needs=options.needs,
        etag=options.etag,
        if_match=options.if_match,
        needs_match=options.needs_match,
        location=options.location,
    )
    _check_fields(route, action)
    return route


def default_route(action: Action) -> Route:
    """Return the route of an action in an application that declares none: ``POST /v1/actions/sign``."""
    return route_of(f"POST /{action.version}/actions/{action.name}", action, RouteOptions())


def _check_path(path: str, pattern: str) -> None:
    segments = path.removesuffix("/").split("/")[1:]
    if not path.startswith("/") or not all(map(_SEGMENT.fullmatch, segments)):
        raise ValueError(f"{pattern!r} is no route: a path is segments of letters, digits and ._~-, or {{parameters}}")


def _check_fields(route: Route, action: Action) -> None:
    if len(set(route.parameters)) < len(route.parameters):
        raise ValueError(f"{route.pattern}: a parameter stands there twice")
    taken = [*route.parameters, *route.needs, *filter(None, [route.if_match])]
    if unknown := _missing(taken, input_fields(action)):
        raise ValueError(f"{route.pattern}: {action.full_name} takes no {unknown[0]!r}")
    shown = [*_PARAMETER.findall(route.location), *filter(None, [route.etag])]
    if unknown := _missing(shown, _fields_of(action.output)):
        raise ValueError(f"{route.pattern}: {action.full_name} returns no {unknown[0]!r}")


def _missing(names: Sequence[str], known: Sequence[str] | None) -> list[str]:
    return [name for name in names if known is not None and name not in known]


def input_fields(action: Action) -> tuple[str, ...] | None:
    """Return the names of the fields of an action's input as they stand in requests; None if it is any object."""
    return () if action.input is None else _fields_of(action.input)


def _fields_of(kind: Any) -> tuple[str, ...] | None:
    """Return the names of a record's fields as they stand in JSON; None if the type is not one record."""
    try:
        known = msgspec.inspect.type_info(kind)
    except TypeError:  # a union that msgspec writes, although it could not tell its members apart again
        return None
    if isinstance(known, msgspec.inspect.StructType | msgspec.inspect.DataclassType | msgspec.inspect.TypedDictType):
        return tuple(each.encode_name for each in known.fields)
    return None
