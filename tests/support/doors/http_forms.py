"""The form of a case over HTTP, where it has one: a path and a query hold texts, and so cannot say everything.

The rules are written out here and not taken from the gateway, because they are what the gateway is measured by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from support.doors.case import Case
from taskmanager.actions import app

_NUMBERS: Final = frozenset({"task_id", "limit", "offset", "before_id", "expected_version"})
_MAY_BE_NULL: Final = frozenset({"before_id", "expected_version", "status_filter", "priority_filter"})
_INT64: Final = range(-(2**63), 2**63)
_WHOLE: Final = re.compile(r"-?[0-9]+")
_LONGEST: Final = 500
"""Characters of a text in a path or a query; a server may refuse longer addresses."""
_VERSIONS: Final = range(1, 2**31)
_BODIES: Final = ("POST", "PUT", "PATCH")


class HttpForm(Struct, frozen=True):
    """A case as a request over HTTP.

    Attributes:
        method: of the request.
        pattern: path of the route, with parameters in braces.
        path: texts of its parameters.
        query: names and texts.
        body: the JSON object, or None for a request without one.
        if_match: the version that ``If-Match`` demands; None without that header.
        status: of an answer that is a result.
    """

    method: str
    pattern: str
    path: dict[str, str]
    query: list[tuple[str, str]]
    body: dict[str, Any] | None
    if_match: int | None
    status: int


def http_form(case: Case, *, conditional: bool = False) -> HttpForm | None:
    """Return the form of a case over HTTP; None if it has none.

    Args:
        case: the case.
        conditional: whether an expected version goes into ``If-Match``, where the route knows that.
    """
    routes = [route for route in app.routes if route.full_name == case.name and not route.needs]
    if not routes:
        return None
    (route,) = routes
    left, path, if_match = dict(case.data), {}, None
    for name in route.parameters:
        texts = _texts(name, left.pop(name)) if name in left else None
        if texts is None or len(texts) != 1 or not _is_segment(texts[0]):
            return None
        path[name] = texts[0]
    if conditional and route.if_match and type(expected := left.get(route.if_match)) is int and expected in _VERSIONS:
        if_match = left.pop(route.if_match)
    if route.method in _BODIES:
        return HttpForm(route.method, route.path, path, [], left, if_match, route.status)
    query = _query(left)
    return None if query is None else HttpForm(route.method, route.path, path, query, None, if_match, route.status)


def _query(data: dict[str, Any]) -> list[tuple[str, str]] | None:
    pairs: list[tuple[str, str]] = []
    for name, value in data.items():
        texts = _texts(name, value)
        if texts is None or not _is_writable(name):
            return None
        pairs.extend((name, text) for text in texts)
    return pairs


def _texts(name: str, value: Any) -> Sequence[str] | None:
    """Return the texts that stand for a value of a field; None if no texts do."""
    if isinstance(value, list):
        several = name == "include" and len(value) > 1 and all(isinstance(each, str) for each in value)
        return value if several and all(map(_is_writable, value)) else None
    if value is None:
        return ["null"] if name in _MAY_BE_NULL else None
    if type(value) is int:
        return [str(value)] if name in _NUMBERS and value in _INT64 else None
    if not isinstance(value, str) or not _is_writable(value):
        return None
    is_read = (name in _NUMBERS and _WHOLE.fullmatch(value)) or (name in _MAY_BE_NULL and value == "null")
    return None if is_read else [value]


def _is_writable(text: str) -> bool:
    """Return whether a text can stand in an address: half of a surrogate pair has no bytes in UTF-8."""
    return len(text) <= _LONGEST and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _is_segment(text: str) -> bool:
    """Return whether a text can be a segment of a path; ``fields`` is the path of another route."""
    return text not in {"", ".", "..", "fields"} and "/" not in text


def json_bytes(value: Any) -> bytes:
    """Return JSON in ASCII, which can hold every text that Python can."""
    return json.dumps(value).encode()
