"""What breaks over HTTP: routes that are gone, and what they demand or answer in another way."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from msgspec import Struct
from msgspec.structs import replace

from leveret.api.route import BODY_METHODS
from leveret.contracts.diff.contract import Contract, PromisedAction, PromisedRoute
from leveret.contracts.diff.nodes import places
from leveret.contracts.diff.report import Break, Note
from leveret.contracts.statuses import problem_of

TOKEN: Final = "TOKEN"  # noqa: S105 -- it stands for one, and is none
"""Stands in messages for the token of whoever sends them."""

_KEY: Final = "Idempotency-Key"
_PARAMETER: Final = re.compile(r"\{([^{}]*)\}")


class HttpMessage(Struct, frozen=True):
    """A request over HTTP."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None = None

    def without(self, header: str) -> HttpMessage:
        """Return this message without a header."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name != header})


def shape_of(pattern: str) -> str:
    """Return method and path of a route, whatever its parameters are called."""
    return _PARAMETER.sub("{}", pattern)


def message_for(pattern: str, route: PromisedRoute, action: PromisedAction) -> HttpMessage:
    """Return a request that a route took."""
    method, _, path = pattern.partition(" ")
    plainest, fullest = (action.examples[0], action.examples[-1]) if action.examples else ({}, {})
    data = {**{name: _value(action, name) for name in route.needs}, **plainest}
    names = _PARAMETER.findall(path)
    filled = _PARAMETER.sub(lambda found: quote(str(data.get(found[1], fullest.get(found[1], 1))), safe=""), path)
    rest = {name: value for name, value in data.items() if name not in names}
    headers = {} if action.public else {"Authorization": f"Bearer {TOKEN}"}
    headers |= {_KEY: "contract"} if route.needs_key else {}
    headers |= {"If-Match": f'"{route.action.partition(".")[0]}.1"'} if route.needs_match else {}
    if method in BODY_METHODS:
        return HttpMessage(method, filled, {**headers, "Content-Type": "application/json"}, rest)
    query = urlencode({name: value for name, value in rest.items() if value is not None}, doseq=True)
    return HttpMessage(method, f"{filled}?{query}" if query else filled, headers)


def route_breaks(old: Contract, new: Contract) -> Iterator[Break]:
    """Return what callers and readers over HTTP cannot rely on any more."""
    now = {shape_of(pattern): route for pattern, route in new.routes.items()}
    for pattern, route in old.routes.items():
        message = message_for(pattern, route, old.actions[route.action])
        found = now.get(shape_of(pattern))
        if found is None:
            yield _gone(pattern, message, new.routes)
        else:
            required = places(old.actions[route.action].takes, old.types).get("", {}).get("required", [])
            yield from _refused(pattern, route, found, message, required)
            yield from _read_otherwise(pattern, route, found, message)


def route_notes(old: Contract, new: Contract) -> Iterator[Note]:
    """Return what changed in routes and breaks nobody."""
    now = {shape_of(pattern): route for pattern, route in new.routes.items()}
    for pattern, route in old.routes.items():
        found = now.get(shape_of(pattern), route)
        if found.action != route.action:
            yield Note(pattern, f"calls {found.action} in place of {route.action}")
        for name in ("etag", "if_match", "location"):
            before, after = getattr(route, name), getattr(found, name)
            if before != after and (after or not before):
                yield Note(
                    pattern, f"has {name} {after!r} in place of {before!r}" if before else f"has {name} {after!r}"
                )
        if (route.needs_key and not found.needs_key) or (route.needs_match and not found.needs_match):
            yield Note(pattern, "demands less than before")
        if set(route.needs) - set(found.needs):
            yield Note(pattern, "demands fewer fields than before")


def _gone(pattern: str, message: HttpMessage, routes: Mapping[str, PromisedRoute]) -> Break:
    """Return what becomes of a request whose route is gone: no path, no such method, or another action."""
    path = message.path.partition("?")[0]
    fitting = {each: route for each, route in routes.items() if _fits(each.partition(" ")[2], path)}
    same = [route.action for each, route in fitting.items() if each.startswith(f"{message.method} ")]
    fails = _problem("method_not_allowed" if fitting else "unknown_path")
    if same:
        fails = {"calls": same[0]}
    return _break(pattern, "the route is gone", message, fails)


def _value(action: PromisedAction, name: str) -> Any:
    """Return a value that a field took, and that can be written into a query."""
    taken = [value for place in action.tried if place.at == [name] for value in place.taken]
    return next((value for value in (action.examples[-1].get(name), *taken) if value not in (None, [], {}, "")), None)


def _refused(
    pattern: str, old: PromisedRoute, new: PromisedRoute, message: HttpMessage, required: Collection[str]
) -> Iterator[Break]:
    if new.needs_key and not old.needs_key:
        yield _break(pattern, f"{_KEY} is needed", message.without(_KEY), _problem("key_missing"))
    if new.needs_match and not old.needs_match:
        fails = _problem("precondition_required")
        yield _break(pattern, "If-Match is needed", message.without("If-Match"), fails)
    if old.if_match and not new.if_match:
        tag = {**message.headers, "If-Match": f'"{old.action.partition(".")[0]}.1"'}
        fails = _problem("precondition_failed")
        yield _break(pattern, "If-Match fits nothing any more", replace(message, headers=tag), fails)
    for name in new.needs:
        if name not in (*old.needs, *required, *_PARAMETER.findall(pattern)):
            yield _break(pattern, f"the field {name} is needed", message, _problem("invalid_request"))


def _read_otherwise(pattern: str, old: PromisedRoute, new: PromisedRoute, message: HttpMessage) -> Iterator[Break]:
    changes: list[tuple[str, Mapping[str, Any]]] = []
    if old.status != new.status:
        change = f"the answer has the status {new.status}, and {old.status} was promised"
        changes.append((change, {"status": new.status}))
    if old.etag and not new.etag:
        changes.append(("the answer has no ETag any more", {"missing": "ETag"}))
    if old.location and not new.location:
        changes.append(("the answer has no Location any more", {"missing": "Location"}))
    for change, fails in changes:
        yield replace(_break(pattern, change, message, fails), whom="readers")


def _break(pattern: str, change: str, message: HttpMessage, fails: Mapping[str, Any]) -> Break:
    return Break(subject=pattern, place="", whom="callers", change=change, message=message, fails=fails)


def _problem(code: str) -> Mapping[str, Any]:
    return {"status": int(problem_of(code).status), "code": code}


def _fits(path: str, given: str) -> bool:
    parts = _PARAMETER.split(path)  # what stands between parameters, and the names of these
    return re.fullmatch("[^/]+".join(map(re.escape, parts[::2])), given) is not None
