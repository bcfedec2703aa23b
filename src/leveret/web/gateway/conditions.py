"""Entity tags and conditions: ``ETag``, ``If-Match`` and ``If-None-Match`` (RFC 9110, 8.8.3 and 13)."""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.requests import Request

from leveret.api import Route
from leveret.web.gateway.problems import HttpProblem

_TAG: Final = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|$)')
_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}")
_ANY: Final = "*"


def tag_of(route: Route, data: Any) -> str:
    """Return the entity tag of an output; empty where the route has none.

    It is strong, and holds the version of the API, because versions show other fields of the same thing.
    """
    version = data.get(route.etag) if route.etag and isinstance(data, dict) else None
    return "" if version is None else f'"{route.version}.{version}"'


def expected_version(route: Route, request: Request) -> int | None:
    """Return the version that ``If-Match`` demands; None for any.

    Raises:
        HttpProblem: the header is missing where it is needed, is none, or demands what cannot be.
    """
    values = request.headers.getlist("if-match")
    if not values:
        if route.needs_match:
            raise HttpProblem("precondition_required", "If-Match is missing: read it first, and send its ETag")
        return None
    given = ",".join(values)
    if given.strip() == _ANY:
        return None
    tags = _tags(given)
    if tags is None:
        raise HttpProblem(
            "invalid_request", 'If-Match is no list of entity tags: write an ETag as it came, such as "v2.7"'
        )
    known = [version for weak, tag in tags if not weak and (version := _version(route, tag)) is not None]
    if not route.if_match or not known:
        raise HttpProblem("precondition_failed", f"If-Match fits nothing here: {given[:100]}")
    if len(known) > 1:
        raise HttpProblem("invalid_request", "If-Match has several entity tags: send the one that was read")
    return known[0]


def is_known(request: Request, tag: str) -> bool:
    """Return whether the caller has what this entity tag stands for; tags are compared weakly (RFC 9110, 13.1.2)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    if not tag or not given:
        return False
    return given.strip() == _ANY or any(f'"{found}"' == tag for _, found in _tags(given) or [])


def _tags(given: str) -> list[tuple[bool, str]] | None:
    """Return the entity tags of a list, each with whether it is weak; None if it is no such list."""
    found, at = [], 0
    while at < len(given):
        read = _TAG.match(given, at)
        if read is None:
            return None
        found.append((read[1] is not None, read[2]))
        at = read.end()
    return found


def _version(route: Route, tag: str) -> int | None:
    version, _, number = tag.partition(".")
    return int(number) if version == route.version and _VERSION.fullmatch(number) else None
